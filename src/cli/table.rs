//! Lists in aligned columns, as wide as the terminal at most, without any boxes.

use super::paint::{Paint, Tone};
use crate::domain::escape_line;
use std::fmt::Write as _;

/// Spaces between columns.
const GAP: usize = 2;
/// A column is never made narrower than this to fit.
const NARROWEST: usize = 8;

/// Rows of text under headings; the last column gives way first when the terminal is narrow.
pub(super) fn table<const N: usize>(
    heads: [&str; N],
    rows: &[[String; N]],
    width: Option<usize>,
    paint: Paint,
) -> String {
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|cell| escape_line(cell)).collect()).collect();
    let mut widths: Vec<usize> = (0..N)
        .map(|column| {
            rows.iter()
                .map(|row| row[column].chars().count())
                .chain([heads[column].chars().count()])
                .max()
                .unwrap_or(0)
        })
        .collect();
    if let Some(width) = width {
        let mut over = (widths.iter().sum::<usize>() + GAP * N.saturating_sub(1)).saturating_sub(width);
        for column in widths.iter_mut().rev() {
            let take = over.min(column.saturating_sub(NARROWEST));
            *column -= take;
            over -= take;
        }
    }
    let head: Vec<String> = heads.iter().map(|head| (*head).to_owned()).collect();
    let mut text = paint.tone(Tone::Strong, &line(&head, &widths));
    text.push('\n');
    for row in &rows {
        text.push_str(&line(row, &widths));
        text.push('\n');
    }
    text
}

/// Rows of numbers behind what each is of, all but the first column to the right, the last row set off: it is the sum.
pub(super) fn sums<const N: usize>(
    heads: [&str; N],
    rows: &[[String; N]],
    total: [String; N],
    width: Option<usize>,
    paint: Paint,
) -> String {
    let mut all: Vec<[String; N]> = vec![heads.map(str::to_owned)];
    all.extend(rows.iter().cloned());
    all.push(total);
    for row in &mut all {
        row[0] = escape_line(&row[0]);
    }
    let mut widths: [usize; N] =
        std::array::from_fn(|column| all.iter().map(|row| row[column].chars().count()).max().unwrap_or(0));
    if let Some(width) = width {
        // numbers stay whole
        let over = (widths.iter().sum::<usize>() + GAP * N.saturating_sub(1)).saturating_sub(width);
        widths[0] -= over.min(widths[0].saturating_sub(NARROWEST));
    }
    let last = all.len() - 1;
    let mut text = String::new();
    for (index, row) in all.iter().enumerate() {
        let mut line = format!("{:<width$}", fit(&row[0], widths[0]), width = widths[0]);
        for (cell, width) in row.iter().zip(widths).skip(1) {
            // writing to a String cannot fail
            let _ = write!(line, "{:GAP$}{cell:>width$}", "");
        }
        let tone = if index == 0 || index == last { paint.tone(Tone::Strong, line.trim_end()) } else { line };
        text.push_str(tone.trim_end());
        text.push('\n');
    }
    text
}

fn line(cells: &[String], widths: &[usize]) -> String {
    let mut line = String::new();
    for (cell, width) in cells.iter().zip(widths) {
        let cell = fit(cell, *width);
        // writing to a String cannot fail
        let _ = write!(line, "{cell:<width$}{:GAP$}", "");
    }
    line.truncate(line.trim_end().len());
    line
}

fn fit(cell: &str, width: usize) -> String {
    if cell.chars().count() <= width {
        return cell.to_owned();
    }
    cell.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_fit() {
        let rows = [
            ["m-abc234".to_owned(), "local".to_owned(), "127.0.0.1:2222 and much more to say".to_owned()],
            ["build1".to_owned(), "hosts".to_owned(), "\x1b[31mé".to_owned()],
        ];
        insta::assert_snapshot!(table(["MACHINE", "PROVIDER", "ADDRESS"], &rows, None, Paint::Plain), @r"
        MACHINE   PROVIDER  ADDRESS
        m-abc234  local     127.0.0.1:2222 and much more to say
        build1    hosts     ␛[31mé
        ");
        let narrow = table(["MACHINE", "PROVIDER", "ADDRESS"], &rows, Some(40), Paint::Plain);
        assert!(narrow.lines().all(|line| line.chars().count() <= 40), "{narrow}");
        assert!(narrow.contains('…'));
    }
}
