//! Tables.

use indicatif::{ProgressBar, ProgressStyle};
use tabled::builder::Builder;
use tabled::settings::style::HorizontalLine;
use tabled::settings::{Style, Theme};

/// Rows under a heading, a line between them; each column with the most that it may be wide.
pub(super) fn table(heading: &[(&str, usize)], rows: impl IntoIterator<Item = Vec<String>>, lines: Lines) -> String {
    let mut builder = Builder::new();
    builder.push_record(heading.iter().map(|(name, _)| *name));
    for row in rows {
        builder.push_record(row.iter().zip(heading).map(|(cell, (_, width))| wrapped(cell, *width)));
    }
    let mut table = builder.build();
    let mut theme = Theme::from_style(Style::modern_rounded());
    theme.remove_horizontal_lines();
    let last = if lines == Lines::Between { table.count_rows() } else { 2 };
    (1..last).for_each(|row| theme.insert_horizontal_line(row, HorizontalLine::inherit(Style::modern_rounded())));
    table.with(theme);
    table.to_string()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lines {
    /// Between all rows: their cells have several lines.
    Between,
    /// Below the heading only.
    Heading,
}

/// `1,234,567`
pub(super) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Of a whole, in per cent.
pub(super) fn share(part: u64, whole: u64) -> String {
    if whole == 0 { "–".to_owned() } else { format!("{:.1} %", part as f64 * 100.0 / whole as f64) }
}

/// On standard error, and only where somebody watches: how many were asked about, for what lasts.
pub(super) struct Watch {
    bar: ProgressBar,
    count: u64,
}

impl Watch {
    pub(super) fn start(what: &str, quiet: bool) -> Self {
        let style = ProgressStyle::with_template("{spinner} {msg}: {human_pos} families, {elapsed}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        let bar = if quiet { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
        Self { bar: bar.with_style(style).with_message(what.to_owned()), count: 0 }
    }

    pub(super) fn tick(&mut self) {
        self.count += 1;
        // the first lines are drawn when it has lasted a while
        if self.count.is_multiple_of(5_000) {
            self.bar.set_position(self.count);
        }
    }

    pub(super) fn done(self) {
        self.bar.finish_and_clear();
    }
}

/// Each line of `text` in lines of at most `width` characters, broken between words where that goes.
fn wrapped(text: &str, width: usize) -> String {
    let mut lines = Vec::new();
    for line in text.lines() {
        let (mut here, mut length) = (String::new(), 0);
        let indent = line.len() - line.trim_start().len();
        here.push_str(&" ".repeat(indent));
        for word in line.trim_start().split(' ') {
            let mut rest: Vec<char> = word.chars().collect();
            if length > 0 && indent + length + 1 + rest.len() > width {
                lines.push(std::mem::replace(&mut here, " ".repeat(indent)));
                length = 0;
            } else if length > 0 {
                here.push(' ');
                length += 1;
            }
            while rest.len() > width {
                // an id breaks behind a dot or hyphen
                let cut = rest[..width].iter().rposition(|letter| matches!(letter, '.' | '-' | '/')).map_or(width, |at| at + 1);
                lines.push(rest.drain(..cut).collect());
            }
            length += rest.len();
            here.extend(rest);
        }
        lines.push(here);
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(number), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn lines_are_broken_between_words_and_ids_behind_dots() {
        assert_eq!(wrapped("one two three\nfour", 8), "one two\nthree\nfour");
        assert_eq!(wrapped("a\n  one two", 6), "a\n  one\n  two");
        assert_eq!(wrapped("child.segment.network", 16), "child.segment.\nnetwork");
    }
}
