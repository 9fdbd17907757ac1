//! `playground lua`: how a script ends, compared with the reference interpreters where they are installed.

mod common;

use std::path::Path;
use std::process::{Command, Output};

use common::{Folder, PLAYGROUND, installed};

/// Runs a script that prints `expected` here and in the reference, and ends with `status` in both.
#[track_caller]
fn check(version: &str, name: &str, script: &str, expected: &str, status: i32) {
    let folder = Folder::new(name);
    let file = folder.write("script.lua", script.as_bytes());
    let check_output = |output: Output, who: &Path| {
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{}", who.display());
        assert_eq!(output.status.code(), Some(status), "{}", who.display());
    };
    let output = Command::new(PLAYGROUND).args(["lua", "--lua", version]).arg(&file).output().unwrap();
    check_output(output, Path::new(PLAYGROUND));
    if let Some(reference) = installed(&format!("lua{version}")) {
        check_output(Command::new(&reference).arg(&file).output().unwrap(), &reference);
    }
}

#[test]
fn finalizers_of_tables_run_at_the_end_the_last_one_first() {
    check(
        "5.3",
        "gc-tables",
        "for i = 1, 3 do
           -- The second one fails, which hinders no other.
           _G['kept' .. i] = setmetatable({}, { __gc = function() print('gc', i) if i == 2 then error('two') end end })
         end
         setmetatable({}, { __gc = function()
           print('set last')
           -- Nobody calls what is made while the state closes.
           late = setmetatable({}, { __gc = function() print('too late') end })
         end })
         print('end')",
        "end\nset last\ngc\t3\ngc\t2\ngc\t1\n",
        0,
    );
}

#[test]
fn finalizers_of_proxies_run_at_the_end_the_last_one_first() {
    check(
        "5.1",
        "gc-proxies",
        "for i = 1, 3 do
           local proxy = newproxy(true)
           getmetatable(proxy).__gc = function() print('gc', i) if i == 2 then error('two') end end
           _G['kept' .. i] = proxy
         end
         local last = newproxy(true)
         getmetatable(last).__gc = function()
           print('made last')
           getmetatable(newproxy(true)).__gc = function() print('too late') end
         end
         print('end')",
        "end\nmade last\ngc\t3\ngc\t2\ngc\t1\n",
        0,
    );
}

#[test]
fn finalizers_run_after_an_error_too() {
    let script = "kept = setmetatable({}, { __gc = function() print('gc', kept ~= nil) end })
         error('the end')";
    check("5.3", "gc-error", script, "gc\ttrue\n", 1);
}
