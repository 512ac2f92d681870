//! The report as one page that needs nothing else: the table, and plots drawn as SVG.

use crate::report::Report;
use std::fmt::Write as _;

/// Width and height of a plot's area, without its labels.
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 200.0;
const LEFT: f64 = 64.0;
const TOP: f64 = 16.0;
/// Colours that are told apart by those who do not see all of them too.
const COLOURS: [&str; 3] = ["#0072b2", "#d55e00", "#009e73"];

/// Some values over some others.
struct Plot<'a> {
    title: &'a str,
    across: &'a str,
    lines: Vec<(&'a str, Vec<(f64, f64)>)>,
    /// Labels across, where numbers would not do.
    ticks: Option<Vec<(f64, String)>>,
}

/// The whole page.
pub fn html(report: &Report) -> String {
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{name}</title><style>{STYLE}</style><h1>{name}</h1><p>{says}</p>",
        name = escaped(&report.scenario),
        says = escaped(&report.parameters.says)
    );
    page += &table(&report.markdown());
    for plot in plots(report) {
        page += &plot.svg();
    }
    if !report.complaints.is_empty() {
        page += "<h2>Faults</h2><ul>";
        for complaint in &report.complaints {
            let _ = write!(page, "<li>{}</li>", escaped(complaint));
        }
        page += "</ul>";
    }
    let parameters = serde_json::to_string_pretty(&report.parameters).unwrap_or_default();
    let _ = write!(page, "<h2>Scenario</h2><pre>{}</pre></html>", escaped(&parameters));
    page
}

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}\
table{border-collapse:collapse}td,th{border-bottom:1px solid #ddd;padding:.25rem .75rem .25rem 0;text-align:left;vertical-align:top}\
svg{display:block;margin:1rem 0;max-width:100%}svg text{font:12px system-ui,sans-serif;fill:#444}pre{overflow:auto;background:#f6f6f6;padding:1rem}\
code{background:#f6f6f6}";

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The table of the terminal: a line above it, then a row for each line that begins with a bar.
fn table(markdown: &str) -> String {
    let mut html = String::new();
    let mut rows = markdown.lines().filter(|line| line.starts_with('|'));
    for line in markdown.lines().filter(|line| !line.is_empty() && !line.starts_with('|')) {
        let _ = write!(html, "<p>{}</p>", escaped(&line.replace('`', "")));
    }
    html += "<table>";
    // The first row is the name, which the page has already; the second one a rule.
    rows.by_ref().take(2).for_each(drop);
    for row in rows {
        let strong = row.contains("**");
        let cells: Vec<String> = row.trim_matches('|').split(" | ").map(|cell| escaped(&cell.trim().replace("**", ""))).collect();
        html += "<tr>";
        for (number, cell) in cells.iter().filter(|cell| !cell.is_empty()).enumerate() {
            let _ = if number == 0 || strong { write!(html, "<th>{cell}</th>") } else { write!(html, "<td>{cell}</td>") };
        }
        html += "</tr>";
    }
    html + "</table>"
}

fn plots(report: &Report) -> Vec<Plot<'_>> {
    let mut plots = Vec::new();
    if report.curve_us.len() > 1 {
        let nines = |share: f64| -(1.0 - share).max(1e-6).log10();
        let ticks = [(0.0, "0"), (0.5, "50 %"), (0.9, "90 %"), (0.99, "99 %"), (0.999, "99.9 %"), (0.9999, "99.99 %")];
        plots.push(Plot {
            title: "from send to receive, ms, by share of the messages",
            across: "share that came within this time",
            lines: vec![("", report.curve_us.iter().map(|(share, us)| (nines(*share), *us as f64 / 1e3)).collect())],
            ticks: Some(ticks.map(|(share, label)| (nines(share), label.to_owned())).to_vec()),
        });
        plots.push(Plot {
            title: "how many have it, %, by time since the send, ms",
            across: "ms",
            lines: vec![("", report.curve_us.iter().map(|(share, us)| (*us as f64 / 1e3, share * 100.0)).collect())],
            ticks: None,
        });
    }
    let seconds = |value: fn(&crate::timeline::Moment) -> f64| report.timeline.iter().map(|moment| (moment.at_s, value(moment))).collect();
    let rates = |value: fn(&crate::timeline::Moment) -> u64, scale: f64| {
        let pairs = report.timeline.windows(2).filter(|pair| value(&pair[1]) >= value(&pair[0]));
        pairs
            .map(|pair| (pair[1].at_s, (value(&pair[1]) - value(&pair[0])) as f64 * scale / (pair[1].at_s - pair[0].at_s).max(1e-3)))
            .collect()
    };
    if report.timeline.len() > 1 {
        plots.push(Plot { title: "sessions", across: "s", lines: vec![("", seconds(|moment| moment.sessions as f64))], ticks: None });
        plots.push(Plot {
            title: "messages a second",
            across: "s",
            lines: vec![("acknowledged", rates(|moment| moment.acked, 1.0)), ("delivered", rates(|moment| moment.delivered, 1.0))],
            ticks: None,
        });
        plots.push(Plot {
            title: "cores that the server uses",
            across: "s",
            lines: vec![("", rates(|moment| moment.server_cpu_us, 1e-6))],
            ticks: None,
        });
        plots.push(Plot {
            title: "memory of the server, MiB",
            across: "s",
            lines: vec![("", seconds(|moment| moment.server_rss as f64 / f64::from(1 << 20)))],
            ticks: None,
        });
    }
    plots
}

impl Plot<'_> {
    fn svg(&self) -> String {
        let points = || self.lines.iter().flat_map(|(_, points)| points);
        let most = |value: fn(&(f64, f64)) -> f64| points().map(value).fold(0.0, f64::max);
        let least_x = points().map(|point| point.0).fold(f64::INFINITY, f64::min);
        let (x_max, y_max) = (most(|point| point.0), round_up(most(|point| point.1)));
        if !least_x.is_finite() {
            return String::new();
        }
        let x = |value: f64| LEFT + (value - least_x) / (x_max - least_x).max(1e-9) * WIDTH;
        let y = |value: f64| TOP + HEIGHT - value / y_max.max(1e-9) * HEIGHT;
        let (width, height) = (LEFT + WIDTH + 24.0, TOP + HEIGHT + 40.0);
        let mut svg = format!(
            "<h2>{}</h2><svg viewBox=\"0 0 {width} {height}\" width=\"{width}\" role=\"img\" aria-label=\"{}\">",
            escaped(self.title),
            escaped(self.title)
        );
        for step in 0..=4 {
            let value = y_max * f64::from(step) / 4.0;
            let at = y(value);
            let _ = write!(
                svg,
                "<line x1=\"{LEFT}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"#ddd\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                LEFT + WIDTH,
                LEFT - 8.0,
                at + 4.0,
                short(value)
            );
        }
        let even = || (0..=5).map(|step| least_x + (x_max - least_x) * f64::from(step) / 5.0).map(|value| (value, short(value))).collect();
        for (value, label) in self.ticks.clone().unwrap_or_else(even).into_iter().filter(|(value, _)| (least_x..=x_max).contains(value)) {
            let _ = write!(svg, "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{label}</text>", x(value), TOP + HEIGHT + 18.0);
        }
        let _ =
            write!(svg, "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>", LEFT + WIDTH, TOP + HEIGHT + 34.0, escaped(self.across));
        for ((name, points), colour) in self.lines.iter().zip(COLOURS) {
            let path: Vec<String> = points.iter().map(|(across, up)| format!("{:.1},{:.1}", x(*across), y(*up))).collect();
            let _ = write!(svg, "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"/>", path.join(" "));
            if let Some((across, up)) = points.last().filter(|_| !name.is_empty()) {
                let _ = write!(
                    svg,
                    "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" style=\"fill:{colour}\">{name}</text>",
                    x(*across),
                    y(*up) - 6.0
                );
            }
        }
        svg + "</svg>"
    }
}

/// The next of 1, 2, 5, 10, 20 and so on, so that the lines of a plot stand at even numbers.
fn round_up(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let power = 10f64.powf(value.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * power);
    steps.into_iter().find(|step| *step >= value).unwrap_or(value)
}

fn short(value: f64) -> String {
    match value {
        0.0 => "0".to_owned(),
        value if value >= 1e6 => format!("{:.3} M", value / 1e6),
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 1.0 => format!("{value:.1}"),
        value => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_ends_at_an_even_number_above_what_it_shows() {
        assert_eq!([0.0, 0.3, 1.0, 1.1, 4.9, 30.0, 999.0].map(round_up), [1.0, 0.5, 1.0, 2.0, 5.0, 50.0, 1_000.0]);
    }

    #[test]
    fn what_a_server_says_is_text_and_not_part_of_the_page() {
        let markdown = "`loadtest` · commit x\n\n| a | |\n|---|---|\n| <script> | \"1\" |\n| **b** | **2** |\n";
        let html = table(markdown);
        assert!(html.contains("&lt;script&gt;") && !html.contains("<script"), "{html}");
        assert!(html.contains("<th>b</th><th>2</th>"), "{html}");
    }
}
