//! The debugger of a lab: breakpoints, stopping and going on, and what a stopped program looks like.
//!
//! Boards are debugged one at a time. While one is stopped, virtual time stands still for all: [`Simulation::advance`] answers
//! [`Progress::Paused`](crate::Progress) until [`Simulation::resume`] is called. A stop leaves no mark on the run: what a person does
//! meanwhile happens when it goes on, at the instant at which it stands, and a lab recorded with stops runs the same without.

use serde::Serialize;
use trace::{HostId, Position};
#[cfg(feature = "typescript")]
use ts_rs::TS;

use crate::{InputError, Simulation};

/// A program that a debugger has stopped.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub struct Pause {
    /// The board.
    pub host: HostId,
    /// The line that would run next; `null` in code without lines.
    pub position: Option<Position>,
    /// The calls under way, the innermost first.
    pub levels: Vec<CallLevel>,
    /// Global variables that the board's programs have set, the first ones; none that the firmware began with.
    pub globals: Vec<Variable>,
}

/// A call under way.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub struct CallLevel {
    /// The function as its caller names it, `main chunk`, or where it is defined.
    pub function: String,
    /// The line that it is at; `null` in native functions.
    pub position: Option<Position>,
    /// Its local variables, the innermost declared last. Files compiled in the chip profile have no names.
    pub locals: Vec<Variable>,
    /// Variables of enclosing functions that it uses.
    pub upvalues: Vec<Variable>,
}

/// A variable, or a field of a table.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub struct Variable {
    /// Its name; a key that is no name as it would be written: `[1]`.
    pub name: String,
    /// What `type` says of its value.
    pub type_name: &'static str,
    /// Its value in short: `"text"`, `12`, `table (3)`, `function init.lua:7`.
    pub text: String,
    /// The first fields of a table, two levels deep.
    pub fields: Vec<Variable>,
}

/// How a stopped program goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(TS), ts(export))]
pub enum Resume {
    /// To the next breakpoint.
    Continue,
    /// To the next line, in whatever function; when the callback ends before, in the next one.
    Into,
    /// To the next line of the same function, or back in its caller.
    Over,
    /// Back in the caller.
    Out,
}

impl Resume {
    /// The way that JavaScript calls so.
    pub fn named(name: &str) -> Option<Resume> {
        match name {
            "continue" => Some(Resume::Continue),
            "into" => Some(Resume::Into),
            "over" => Some(Resume::Over),
            "out" => Some(Resume::Out),
            _ => None,
        }
    }
}

impl Simulation {
    /// Makes a board's programs stop before these lines (from 1) of `file`, and no longer before other lines of it.
    ///
    /// # Errors
    /// If there is no such board.
    pub fn set_breakpoints(&mut self, board: &str, file: &str, lines: &[u32]) -> Result<(), InputError> {
        self.board_mut(board)?.set_breakpoints(file, lines);
        Ok(())
    }

    /// Makes a board stop before the next line of Lua that it runs, which may be long from now.
    ///
    /// # Errors
    /// If there is no such board.
    pub fn pause(&mut self, board: &str) -> Result<(), InputError> {
        self.board_mut(board)?.pause();
        Ok(())
    }

    /// Lets the stopped program go on with the next [`Simulation::advance`]; nothing happens if none is stopped.
    pub fn resume(&mut self, how: Resume) {
        let how = match how {
            Resume::Continue => firmware::Resume::Continue,
            Resume::Into => firmware::Resume::Into,
            Resume::Over => firmware::Resume::Over,
            Resume::Out => firmware::Resume::Out,
        };
        if let Some(board) = self.paused_board_mut() {
            board.resume(how);
            self.forget_pause();
        }
    }

    /// The stopped program, if there is one.
    pub fn paused(&mut self) -> Option<Pause> {
        let board = self.paused_board_mut()?;
        let levels: Vec<CallLevel> = board.call_levels().into_iter().map(CallLevel::from).collect();
        let position = levels.first().and_then(|level| level.position.clone());
        let globals = board.globals().into_iter().map(Variable::from).collect();
        Some(Pause { host: board.id(), position, levels, globals })
    }
}

impl From<firmware::CallLevel> for CallLevel {
    fn from(level: firmware::CallLevel) -> CallLevel {
        let variables = |list: Vec<firmware::Variable>| list.into_iter().map(Variable::from).collect();
        CallLevel {
            function: level.function,
            position: level.position.map(|position| Position { file: position.file.into(), line: position.line }),
            locals: variables(level.locals),
            upvalues: variables(level.upvalues),
        }
    }
}

impl From<firmware::Variable> for Variable {
    fn from(variable: firmware::Variable) -> Variable {
        Variable {
            name: variable.name,
            type_name: variable.type_name,
            text: variable.text,
            fields: variable.fields.into_iter().map(Variable::from).collect(),
        }
    }
}
