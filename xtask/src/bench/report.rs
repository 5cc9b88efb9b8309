//! bench/results/AREA.json -> bench/RESULTS.md and one picture a contest.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

/// Width of the longest bar in a picture, in pixels.
const BAR: f64 = 360.0;

/// Keeps the result of an area.
pub fn keep(dir: &Path, area: &str, result: &Value) -> Result<()> {
    let results = dir.join("results");
    fs::create_dir_all(&results)?;
    let text = serde_json::to_string_pretty(result)?;
    fs::write(results.join(format!("{area}.json")), text + "\n").with_context(|| format!("keeping the results of {area}"))
}

/// Makes the report and the pictures anew from everything kept. What people write stands in bench/NOTES.md and is taken along.
pub fn write(dir: &Path) -> Result<()> {
    let mut files: Vec<_> = fs::read_dir(dir.join("results"))?.collect::<Result<Vec<_>, _>>()?;
    files.sort_by_key(fs::DirEntry::file_name);
    let mut text = String::from(
        "# Measurements\n\nMade by `cargo xtask bench`; do not edit (remarks go into NOTES.md, which stands at the end).\n\
         Server and client have one core each, rounds are interleaved, the first is thrown away, all peers give the same answers before anything is timed.\n\
         CPU time is user and system of the server's processes. Medians, with least and most; compare ratios, not absolute times.\n",
    );
    for file in files.iter().filter(|file| file.path().extension().is_some_and(|extension| extension == "json")) {
        let result: Value = serde_json::from_str(&fs::read_to_string(file.path())?).with_context(|| format!("{}", file.path().display()))?;
        let area = file.path().file_stem().unwrap_or_default().to_string_lossy().into_owned();
        head(&mut text, &area, &result);
        for contest in result["contests"].as_array().into_iter().flatten() {
            section(&mut text, contest);
            let picture = dir.join("results").join(format!("{}.svg", word(&contest["slug"])));
            fs::write(picture, draw(contest))?;
        }
    }
    if let Ok(notes) = fs::read_to_string(dir.join("NOTES.md")) {
        text.push('\n');
        text.push_str(&notes);
    }
    fs::write(dir.join("RESULTS.md"), text).context("writing bench/RESULTS.md")
}

fn head(text: &mut String, area: &str, result: &Value) {
    let quick = if result["quick"] == true { " --quick" } else { "" };
    let _ = write!(
        text,
        "\n## {area}\n\n`cargo xtask bench {area}{quick}`, {}, commit {}, {}; ",
        word(&result["date"]),
        word(&result["commit"]),
        word(&result["machine"])
    );
    let _ = writeln!(text, "the machine was {:.0} % busy with other work just before.\n", result["busy_before"].as_f64().unwrap_or_default() * 100.0);
    for version in result["versions"].as_array().into_iter().flatten() {
        let _ = writeln!(text, "- {}", word(version));
    }
}

fn section(text: &mut String, contest: &Value) {
    let _ = writeln!(text, "\n### {}\n\n![{}](results/{}.svg)\n", word(&contest["title"]), word(&contest["title"]), word(&contest["slug"]));
    let _ = writeln!(
        text,
        "| | {} | least-most | op/s | CPU us/op | p50 us | p99 us | RSS MB |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        word(&contest["figure"])
    );
    for row in rows(contest) {
        let _ = writeln!(
            text,
            "| {} | {} | {}-{} | {} | {} | {} | {} | {} |",
            word(&row["name"]),
            number(&row["median"]),
            number(&row["least"]),
            number(&row["most"]),
            number(&row["rate"]),
            number(&row["cpu_us"]),
            number(&row["p50_us"]),
            number(&row["p99_us"]),
            number(&row["resident_mb"]),
        );
    }
    text.push('\n');
    for goal in contest["goals"].as_array().into_iter().flatten() {
        let mark = if goal["reached"] == false { ":red_circle: " } else { "" };
        let _ = writeln!(text, "- {mark}{}", word(&goal["text"]));
    }
    for missing in contest["missing"].as_array().into_iter().flatten() {
        let _ = writeln!(text, "- did not take part: {}", word(missing));
    }
}

/// Horizontal bars, ours in colour, one a row, the figure behind each.
fn draw(contest: &Value) -> String {
    let rows = rows(contest);
    let most = rows.iter().filter_map(|row| row["median"].as_f64()).fold(0.0, f64::max).max(f64::MIN_POSITIVE);
    let height = 54 + rows.len() * 26;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"640\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"13\">\n<rect width=\"640\" height=\"{height}\" fill=\"#ffffff\"/>\n<text x=\"12\" y=\"22\" font-size=\"14\" font-weight=\"bold\" fill=\"#1b2733\">{}</text>\n<text x=\"12\" y=\"40\" font-size=\"11\" fill=\"#5b6b7a\">{}</text>\n",
        escape(word(&contest["title"])),
        escape(&format!("{}: {} is better", word(&contest["figure"]), if contest["figure"] == "op/s" { "more" } else { "less" })),
    );
    for (index, row) in rows.iter().enumerate() {
        let median = row["median"].as_f64().unwrap_or_default();
        let (y, width) = (52 + index * 26, (median / most * BAR).max(1.0));
        let colour = if row["name"] == "fairlead" { "#0b7a75" } else { "#b8c4ce" };
        let _ = writeln!(
            svg,
            "<text x=\"12\" y=\"{}\" fill=\"#1b2733\">{}</text><rect x=\"150\" y=\"{y}\" width=\"{width:.1}\" height=\"18\" rx=\"2\" fill=\"{colour}\"/><text x=\"{:.1}\" y=\"{}\" fill=\"#1b2733\">{}</text>",
            y + 14,
            escape(word(&row["name"])),
            158.0 + width,
            y + 14,
            number(&row["median"]),
        );
    }
    svg + "</svg>\n"
}

fn rows(contest: &Value) -> &[Value] {
    contest["rows"].as_array().map_or(&[], Vec::as_slice)
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or("-")
}

/// Three figures that count; a dash for what was not measured.
fn number(value: &Value) -> String {
    match value.as_f64() {
        None => "-".to_owned(),
        Some(number) if number >= 100.0 => format!("{number:.0}"),
        Some(number) if number >= 10.0 => format!("{number:.1}"),
        Some(number) => format!("{number:.2}"),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
