//! Flows between segments, drawn: before on the left, after on the right, as SVG.

use std::fmt::Write as _;

use maud::{Markup, html};

/// One role's flows.
#[derive(Debug)]
pub struct Panel {
    pub title: String,
    /// The segments' names, heaviest first.
    pub segments: Vec<String>,
    /// Before and after, by position in `segments`, and how many.
    pub flows: Vec<(usize, usize, u64)>,
}

/// The words around the drawing, in one language.
#[derive(Debug)]
pub struct Words {
    pub title: String,
    pub before: String,
    pub after: String,
}

/// The drawing. The same input gives the same bytes.
pub fn svg(words: &Words, panels: &[Panel]) -> String {
    let placed: Vec<Placed<'_>> = panels.iter().map(Placed::of).collect();
    let height = HEAD + placed.iter().map(|panel| panel.height + PANEL_HEAD).sum::<f64>() + GAP;
    let mut top = HEAD;
    let mut body = Vec::new();
    for panel in &placed {
        body.push(html! { g transform=(format!("translate(0 {top:.1})")) { (panel.draw(words)) } });
        top += panel.height + PANEL_HEAD;
    }
    let drawing = html! {
        svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="title description" width=(WIDTH) height=(format!("{height:.0}"))
            viewBox=(format!("0 0 {WIDTH} {height:.0}")) font-family="sans-serif" font-size="14" fill="#222" {
            title id="title" { (words.title) }
            desc id="description" { (described(words, panels)) }
            rect width="100%" height="100%" fill="#fff" {}
            text x="24" y="32" font-size="18" font-weight="bold" { (words.title) }
            @for panel in &body { (panel) }
        }
    };
    format!("{}\n", drawing.into_string())
}

/// For those who do not see it.
fn described(words: &Words, panels: &[Panel]) -> String {
    let mut text = format!("{} → {}.", words.before, words.after);
    for panel in panels {
        let _ = write!(text, " {}:", panel.title);
        let flows = panel.flows.iter().map(|(from, to, count)| format!(" {} → {} {count}", panel.segments[*from], panel.segments[*to]));
        let _ = write!(text, "{}.", flows.collect::<Vec<_>>().join(","));
    }
    text
}

/// A panel with its places worked out.
struct Placed<'p> {
    panel: &'p Panel,
    height: f64,
    /// By segment: top and height of its bar, on the left and on the right; no height where nobody is there.
    bars: [Vec<(f64, f64)>; 2],
    bands: Vec<Band>,
}

struct Band {
    from: usize,
    to: usize,
    count: u64,
    left: f64,
    right: f64,
    height: f64,
}

impl<'p> Placed<'p> {
    fn of(panel: &'p Panel) -> Self {
        let total = panel.flows.iter().map(|(.., count)| count).sum::<u64>().max(1) as f64;
        let mut flows = panel.flows.clone();
        flows.sort_unstable();
        let mut bands: Vec<Band> = flows
            .iter()
            .map(|&(from, to, count)| Band { from, to, count, left: 0.0, right: 0.0, height: (count as f64 / total * BARS).max(THINNEST) })
            .collect();
        let side = |bands: &[Band], is_left: bool| {
            let mut top = 0.0;
            let mut bars = Vec::new();
            for segment in 0..panel.segments.len() {
                let here = bands.iter().filter(|band| segment == if is_left { band.from } else { band.to });
                let height: f64 = here.map(|band| band.height).sum();
                bars.push((top, height));
                top += if height > 0.0 { height.max(LINE) + GAP } else { 0.0 };
            }
            (bars, top)
        };
        let (left, left_height) = side(&bands, true);
        let (right, right_height) = side(&bands, false);
        let mut tops = [left.clone(), right.clone()];
        for band in &mut bands {
            band.left = tops[0][band.from].0;
            band.right = tops[1][band.to].0;
            tops[0][band.from].0 += band.height;
            tops[1][band.to].0 += band.height;
        }
        Self { panel, height: left_height.max(right_height), bars: [left, right], bands }
    }

    fn draw(&self, words: &Words) -> Markup {
        let name = |segment: usize| self.panel.segments[segment].as_str();
        let count = |segment: usize, is_left: bool| -> u64 {
            let here = self.bands.iter().filter(|band| segment == if is_left { band.from } else { band.to });
            here.map(|band| band.count).sum()
        };
        // what stays lies under what moves
        let (moved, stayed): (Vec<&Band>, Vec<&Band>) = self.bands.iter().partition(|band| band.from != band.to);
        html! {
            text x="24" y="20" font-weight="bold" { (self.panel.title) }
            text x=(LEFT) y="20" text-anchor="end" fill="#555" { (words.before) }
            text x=(RIGHT) y="20" fill="#555" { (words.after) }
            g transform=(format!("translate(0 {TITLE})")) {
                @for band in stayed.iter().chain(&moved) {
                    path d=(band.outline()) fill=(colour(band.from)) fill-opacity=(if band.from == band.to { "0.22" } else { "0.8" }) {
                        title { (name(band.from)) " → " (name(band.to)) ": " (band.count) }
                    }
                }
                @for (is_left, bars) in [true, false].into_iter().zip(&self.bars) {
                    @for (segment, (top, height)) in bars.iter().enumerate().filter(|(_, (_, height))| *height > 0.0) {
                        rect x=(if is_left { LEFT - BAR } else { RIGHT }) y=(format!("{top:.1}")) width=(BAR) height=(format!("{height:.1}"))
                            fill=(colour(segment)) {}
                        text x=(if is_left { LEFT - BAR - 8 } else { RIGHT + BAR + 8 }) y=(format!("{:.1}", top + height.max(LINE) / 2.0 + 5.0))
                            text-anchor=(if is_left { "end" } else { "start" }) { (name(segment)) " " (count(segment, is_left)) }
                    }
                }
                @for band in &moved {
                    text x=(format!("{:.1}", band.label().0)) y=(format!("{:.1}", band.label().1)) text-anchor="middle" font-size="12"
                        font-weight="bold" stroke="#fff" stroke-width="3" paint-order="stroke" { (band.count) }
                }
            }
        }
    }
}

impl Band {
    fn outline(&self) -> String {
        let (from, to, middle) = (LEFT, RIGHT, (LEFT + RIGHT) / 2);
        let (left, right, height) = (self.left, self.right, self.height);
        let (low_left, low_right) = (left + height, right + height);
        format!(
            "M{from} {left:.1}C{middle} {left:.1} {middle} {right:.1} {to} {right:.1}V{low_right:.1}\
             C{middle} {low_right:.1} {middle} {low_left:.1} {from} {low_left:.1}Z"
        )
    }

    /// A quarter of the way: bands cross in the middle.
    fn label(&self) -> (f64, f64) {
        let along = 0.25_f64;
        // the curve's own x and y there (Bézier, both handles in the middle)
        let (one, two, three, four) =
            ((1.0 - along).powi(3), 3.0 * (1.0 - along).powi(2) * along, 3.0 * (1.0 - along) * along.powi(2), along.powi(3));
        let middle = f64::from(LEFT + RIGHT) / 2.0;
        let x = one * f64::from(LEFT) + (two + three) * middle + four * f64::from(RIGHT);
        let y = (one + two) * self.left + (three + four) * self.right;
        (x, y + self.height / 2.0 + 4.0)
    }
}

/// Told apart by those who see colours otherwise, too (Okabe and Ito's palette).
fn colour(segment: usize) -> &'static str {
    const PALETTE: [&str; 7] = ["#d55e00", "#e69f00", "#56b4e9", "#009e73", "#777777", "#cc79a7", "#0072b2"];
    PALETTE[segment % PALETTE.len()]
}

const WIDTH: u32 = 960;
/// Where bands begin and end.
const LEFT: i32 = 300;
const RIGHT: i32 = 660;
/// How wide a bar is.
const BAR: i32 = 14;
/// All bars of one side together.
const BARS: f64 = 220.0;
const THINNEST: f64 = 2.0;
/// A line of text.
const LINE: f64 = 18.0;
const GAP: f64 = 10.0;
/// Above the first panel, above a panel's bars, and from a panel to the next.
const HEAD: f64 = 52.0;
const TITLE: i32 = 36;
const PANEL_HEAD: f64 = 64.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(flows: Vec<(usize, usize, u64)>) -> String {
        let words = Words { title: "a <change>".to_owned(), before: "before".to_owned(), after: "after".to_owned() };
        svg(&words, &[Panel { title: "form · child".to_owned(), segments: vec!["heavy".to_owned(), "light & easy".to_owned()], flows }])
    }

    #[test]
    fn the_drawing_is_well_formed_and_told_in_words() {
        let svg = drawn(vec![(0, 0, 3), (0, 1, 2), (1, 1, 5)]);
        assert!(svg.matches("<g").count() == svg.matches("</g>").count() && svg.ends_with("</svg>\n"), "{svg}");
        assert!(svg.contains("form · child: heavy → heavy 3, heavy → light &amp; easy 2, light &amp; easy → light &amp; easy 5."), "{svg}");
        assert!(svg.contains("a &lt;change&gt;"));
    }

    #[test]
    fn bands_of_a_bar_fill_it_one_below_the_other() {
        let panel = Panel { title: String::new(), segments: vec![String::new(); 3], flows: vec![(0, 2, 1), (0, 1, 1), (1, 1, 2)] };
        let placed = Placed::of(&panel);
        let of_first: Vec<_> = placed.bands.iter().filter(|band| band.from == 0).map(|band| (band.to, band.left, band.height)).collect();
        assert_eq!(of_first, [(1, 0.0, 55.0), (2, 55.0, 55.0)]);
        assert_eq!(placed.bars[0][0], (0.0, 110.0));
    }
}
