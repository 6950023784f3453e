//! [`bars`]: a chart of horizontal bars, drawn as SVG.

use std::io::{self, Write};

use super::escape::{cut, text};
use crate::report::words::number;

/// Most bars; what is left is summed up in one more, where all of it is known.
const MOST_BARS: usize = 8;

/// What the bars of a chart say. Each bar: a label, a number, and the tone it is drawn in.
pub(super) struct Chart {
    pub(super) title: &'static str,
    pub(super) unit: &'static str,
    pub(super) bars: Vec<Bar>,
    /// Whether there are no others.
    pub(super) is_whole: bool,
}

/// One bar.
pub(super) struct Bar {
    pub(super) label: String,
    pub(super) value: u64,
    pub(super) tone: &'static str,
}

/// Writes the chart; nothing where there is nothing to draw.
pub(super) fn bars(out: &mut impl Write, chart: Chart) -> io::Result<()> {
    let Chart { title, unit, mut bars, is_whole } = chart;
    bars.retain(|bar| bar.value > 0);
    if bars.is_empty() {
        return Ok(());
    }
    if !is_whole {
        bars.truncate(MOST_BARS);
    } else if bars.len() > MOST_BARS + 1 {
        let rest = bars.split_off(MOST_BARS);
        let value = rest.iter().fold(0, |sum: u64, bar| sum.saturating_add(bar.value));
        bars.push(Bar { label: format!("{} more", rest.len()), value, tone: "rest" });
    }
    let most = bars.iter().map(|bar| bar.value).max().unwrap_or(1).max(1);
    writeln!(out, "<figure><figcaption>{title} <span>{unit}</span></figcaption><dl>")?;
    for bar in bars {
        // Integers: the width in thousandths, and never nothing.
        let width = (u128::from(bar.value) * 1000 / u128::from(most)).max(4);
        writeln!(
            out,
            "<div><dt>{label}</dt><dd><svg viewBox=\"0 0 1000 10\" preserveAspectRatio=\"none\" role=\"img\" \
             aria-label=\"{label}: {value}\"><rect class=\"track\" width=\"1000\" height=\"10\"/>\
             <rect class=\"{tone}\" width=\"{width}\" height=\"10\"/></svg><b>{value}</b></dd></div>",
            label = text(&cut(&bar.label)),
            value = number(bar.value),
            tone = bar.tone,
        )?;
    }
    writeln!(out, "</dl></figure>")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(values: &[u64], is_whole: bool) -> String {
        let bar = |(n, value): (usize, &u64)| Bar { label: format!("<{n}>"), value: *value, tone: "plain" };
        let bars = values.iter().enumerate().map(bar).collect();
        let mut out = Vec::new();
        super::bars(&mut out, Chart { title: "T", unit: "pages", bars, is_whole }).expect("memory");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn bars_are_as_long_as_their_numbers_and_few() {
        let chart = drawn(&[2000, 1000, 1, 0], true);
        for part in ["width=\"1000\" height=\"10\"/></svg><b>2,000", "width=\"500\"", "width=\"4\"", "&lt;0&gt;"] {
            assert!(chart.contains(part), "{part} in {chart}");
        }
        assert!(!chart.contains("<b>0</b>"));
        let many = drawn(&[5; 20], true);
        assert!(many.contains("12 more") && many.contains("<b>60</b>") && many.matches("<dt>").count() == 9, "{many}");
        assert_eq!(drawn(&[0, 0], true), "");
        let first = drawn(&[5; 20], false);
        assert!(!first.contains("more") && first.matches("<dt>").count() == 8, "{first}");
        assert!(drawn(&[u64::MAX; 11], true).contains("3 more"));
    }
}
