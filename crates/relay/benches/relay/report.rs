//! Medians, ratios and goals, as text.

use std::io;

/// Figures of all servers in one measurement: a row each, in the order they were measured.
pub(crate) struct Table {
    title: String,
    columns: &'static [&'static str],
    rows: Vec<(&'static str, Row)>,
}

/// The runs of each column, or why there are none.
type Row = Result<Vec<Vec<f64>>, String>;

/// What is to be reached.
#[derive(Clone, Copy)]
pub(crate) enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

impl Table {
    pub(crate) fn new(title: impl Into<String>, columns: &'static [&'static str]) -> Table {
        Table { title: title.into(), columns, rows: Vec::new() }
    }

    /// Adds one run of a server. A failure takes the place of all runs.
    pub(crate) fn add(&mut self, server: &'static str, run: io::Result<Vec<f64>>) {
        let at = self.rows.iter().position(|(name, _)| *name == server).unwrap_or_else(|| {
            self.rows.push((server, Ok(vec![Vec::new(); self.columns.len()])));
            self.rows.len() - 1
        });
        let (_, row) = &mut self.rows[at];
        match (run, row) {
            (Ok(figures), Ok(row)) => row.iter_mut().zip(figures).for_each(|(runs, figure)| runs.push(figure)),
            (Err(error), row) => *row = Err(error.to_string()),
            (Ok(_), Err(_)) => {}
        }
    }

    /// Whether a run of the server has failed; more of them would only cost time.
    pub(crate) fn has_failed(&self, server: &str) -> bool {
        self.rows.iter().any(|(name, row)| *name == server && row.is_err())
    }

    /// Median of a server's runs in a column.
    pub(crate) fn median(&self, server: &str, column: usize) -> Option<f64> {
        let (_, row) = self.rows.iter().find(|(name, _)| *name == server)?;
        let mut runs = row.as_ref().ok()?.get(column)?.clone();
        runs.sort_by(f64::total_cmp);
        runs.get(runs.len() / 2).copied()
    }

    /// The largest median among `servers` in the leading column.
    pub(crate) fn best(&self, servers: &[&str]) -> Option<f64> {
        servers.iter().filter_map(|server| self.median(server, 0)).max_by(f64::total_cmp)
    }

    /// Prints it, with the first server's leading figure as a multiple of each other one's.
    pub(crate) fn print(&self) {
        println!("\n{}", self.title);
        let heads: Vec<String> = self.columns.iter().map(|column| format!("{column:>14}")).collect();
        println!("  {:14}{}{:>10}", "", heads.concat(), "ours is");
        let own = self.rows.first().and_then(|(name, _)| self.median(name, 0));
        for (name, row) in &self.rows {
            if let Err(error) = row {
                println!("  {name:14}{error:>14}");
                continue;
            }
            let figures = (0..self.columns.len()).map(|column| figure(self.median(name, column)));
            let ratio = own.zip(self.median(name, 0)).map(|(own, other)| format!("{:.2}x", own / other));
            println!("  {name:14}{}{:>10}", figures.collect::<String>(), ratio.unwrap_or_default());
        }
    }
}

fn figure(value: Option<f64>) -> String {
    match value {
        None => format!("{:>14}", "-"),
        Some(value) if value.abs() < 10.0 => format!("{value:>14.3}"),
        Some(value) => format!("{value:>14.0}"),
    }
}

/// The goals that were checked.
#[derive(Default)]
pub(crate) struct Goals(Vec<String>);

impl Goals {
    /// Checks one, prints it and keeps it for the end.
    pub(crate) fn check(&mut self, what: &str, value: Option<f64>, bound: Bound) {
        let (met, sign, limit) = match bound {
            Bound::AtLeast(limit) => (value.is_some_and(|value| value >= limit), "at least", limit),
            Bound::AtMost(limit) => (value.is_some_and(|value| value <= limit), "at most", limit),
        };
        let verdict = match value {
            None => "not measured",
            Some(_) if met => "met",
            Some(_) => "MISSED",
        };
        let value = value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"));
        let line = format!("  {verdict:12} {what}: {value} ({sign} {limit})");
        println!("{line}");
        self.0.push(line);
    }

    /// All of them once more.
    pub(crate) fn print(&self) {
        println!("\ngoals");
        self.0.iter().for_each(|line| println!("{line}"));
    }
}
