//! Tables, as Markdown: what is printed is what is documented.

/// A table that grows row by row.
pub(crate) struct Table(Vec<Vec<String>>);

impl Table {
    pub(crate) fn new<const N: usize>(columns: [&str; N]) -> Self {
        let rule = |(place, _): (usize, &str)| if place == 0 { "---" } else { "---:" }.to_owned();
        Self(vec![
            columns.iter().map(|&column| column.to_owned()).collect(),
            columns.into_iter().enumerate().map(rule).collect(),
        ])
    }

    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.0.push(cells.into());
    }

    #[expect(clippy::print_stdout, reason = "what the program is for")]
    pub(crate) fn print(&self, title: &str) {
        println!("{title}\n");
        for row in &self.0 {
            println!("| {} |", row.join(" | "));
        }
        println!();
    }
}
