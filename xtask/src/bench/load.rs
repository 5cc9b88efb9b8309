//! The load generators: what each is asked and what its report says.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, Result};

use super::contest::Sample;
use super::peers;
use super::process::client;

/// HTTP/1 by wrk, for `seconds`, one thread, over `connections`.
pub fn wrk(url: &str, connections: usize, seconds: f64, headers: &[String]) -> Result<Sample> {
    let mut arguments: Vec<String> = vec!["-t1".into(), format!("-c{connections}"), format!("-d{}s", seconds.ceil()), "--latency".into()];
    arguments.extend(headers.iter().flat_map(|header| ["-H".into(), header.clone()]));
    arguments.push(url.to_owned());
    read_wrk(&client(&peers::program("wrk")?, &arguments)?)
}

fn read_wrk(text: &str) -> Result<Sample> {
    let line = text.lines().find(|line| line.contains(" requests in ")).with_context(|| format!("no total in what wrk printed:\n{text}"))?;
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let percentile = |name: &str| text.lines().find_map(|line| line.trim().strip_prefix(name)).and_then(|rest| microseconds(rest.trim()));
    let failures = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Non-2xx or 3xx responses:"))
        .filter_map(|count| count.trim().parse::<f64>().ok())
        .sum::<f64>()
        + socket_errors(text);
    Ok(Sample {
        operations: words[0].parse().context("the number of requests in wrk's report")?,
        failures,
        seconds: words.get(3).and_then(|word| microseconds(word.trim_end_matches(','))).context("the duration in wrk's report")? / 1e6,
        cpu_s: 0.0,
        p50_us: percentile("50%"),
        p99_us: percentile("99%"),
    })
}

/// `Socket errors: connect 0, read 0, write 0, timeout 0`. Reads count connections that the server closed, which is no failure where each request has its own.
fn socket_errors(text: &str) -> f64 {
    let Some(line) = text.lines().find_map(|line| line.trim().strip_prefix("Socket errors:")) else { return 0.0 };
    line.split(',')
        .filter_map(|part| part.trim().split_once(' '))
        .filter(|(kind, _)| *kind != "read")
        .filter_map(|(_, count)| count.parse::<f64>().ok())
        .sum()
}

/// `1.23ms`, `456.00us`, `2.00s`, `1.5m` in microseconds.
fn microseconds(text: &str) -> Option<f64> {
    let unit = text.find(|letter: char| letter.is_ascii_alphabetic())?;
    let scale = match &text[unit..] {
        "us" => 1.0,
        "ms" => 1e3,
        "s" => 1e6,
        "m" => 6e7,
        _ => return None,
    };
    Some(text[..unit].parse::<f64>().ok()? * scale)
}

/// HTTP by h2load (package nghttp2-client): `arguments` without program and common flags.
pub fn h2load(arguments: &[String], scratch: &Path) -> Result<Sample> {
    let log = scratch.join("h2load.times");
    let _ = std::fs::remove_file(&log);
    let mut all = vec![format!("--log-file={}", log.display())];
    all.extend_from_slice(arguments);
    let text = client(&peers::program("h2load")?, &all)?;
    let count = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix("requests:"))?;
        line.split(',').find_map(|part| part.trim().strip_suffix(name)).and_then(|count| count.trim().parse::<f64>().ok())
    };
    let seconds = text.lines().find_map(|line| line.strip_prefix("finished in ")).and_then(|line| microseconds(line.split(',').next()?));
    let mut times: Vec<f64> =
        std::fs::read_to_string(&log).unwrap_or_default().lines().filter_map(|line| line.split('\t').nth(2)?.parse().ok()).collect();
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times.get(((times.len() as f64 * share) as usize).min(times.len().saturating_sub(1))).copied();
    Ok(Sample {
        operations: count(" succeeded").with_context(|| format!("no count in what h2load printed:\n{text}"))?,
        failures: count(" failed").unwrap_or(0.0) + status_failures(&text),
        seconds: seconds.context("the duration in h2load's report")? / 1e6,
        cpu_s: 0.0,
        p50_us: at(0.50),
        p99_us: at(0.99),
    })
}

/// `status codes: 10 2xx, 0 3xx, 0 4xx, 0 5xx`.
fn status_failures(text: &str) -> f64 {
    let Some(line) = text.lines().find_map(|line| line.strip_prefix("status codes:")) else { return 0.0 };
    line.split(',')
        .filter(|part| part.trim().ends_with("4xx") || part.trim().ends_with("5xx"))
        .filter_map(|part| part.trim().split(' ').next()?.parse::<f64>().ok())
        .sum()
}

/// DNS over UDP by dnsperf: the queries of a file over and over, at most `rate` a second where given.
pub fn dnsperf(server: SocketAddr, queries: &Path, seconds: f64, rate: Option<u32>) -> Result<Sample> {
    let mut arguments: Vec<String> = [
        "-s",
        &server.ip().to_string(),
        "-p",
        &server.port().to_string(),
        "-d",
        &queries.display().to_string(),
        "-l",
        &format!("{seconds:.0}"),
        "-c",
        "32",
        "-T",
        "1",
        "-q",
        "128",
    ]
    .map(str::to_owned)
    .into();
    arguments.extend(rate.into_iter().flat_map(|rate| ["-Q".to_owned(), rate.to_string()]));
    let text = client(&peers::program("dnsperf")?, &arguments)?;
    let number = |name: &str| {
        text.lines().find_map(|line| line.trim().strip_prefix(name)).and_then(|rest| rest.split_ascii_whitespace().next()?.parse::<f64>().ok())
    };
    let completed = number("Queries completed:").with_context(|| format!("no total in what dnsperf printed:\n{text}"))?;
    Ok(Sample {
        operations: completed,
        failures: number("Queries lost:").unwrap_or(0.0) + refused(&text),
        seconds: number("Run time (s):").context("the duration in dnsperf's report")?,
        cpu_s: 0.0,
        p50_us: number("Average Latency (s):").map(|seconds| seconds * 1e6),
        p99_us: None,
    })
}

/// `Response codes: NOERROR 100 (100.00%), REFUSED 3 (...)`: those that mean that the server did not do the work.
fn refused(text: &str) -> f64 {
    let Some(line) = text.lines().find_map(|line| line.trim().strip_prefix("Response codes:")) else { return 0.0 };
    line.split(',')
        .filter_map(|part| part.trim().split_once(' '))
        .filter(|(code, _)| matches!(*code, "SERVFAIL" | "REFUSED"))
        .filter_map(|(_, rest)| rest.split(' ').next()?.parse::<f64>().ok())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_of_wrk_is_read() {
        let text = "Running 1s test @ http://127.0.0.1:1/\n  1 threads and 32 connections\n  Latency Distribution\n     50%  402.00us\n     75%  430.00us\n     99%    1.02ms\n  75131 requests in 1.10s, 12.61MB read\n  Socket errors: connect 1, read 7, write 0, timeout 2\n  Non-2xx or 3xx responses: 4\nRequests/sec:  68301.01\n";
        let sample = read_wrk(text).expect("reads");
        assert_eq!((sample.operations, sample.failures, sample.seconds), (75131.0, 7.0, 1.1));
        assert_eq!((sample.p50_us, sample.p99_us), (Some(402.0), Some(1020.0)));
    }

    #[test]
    fn refusals_of_a_name_server_are_failures() {
        let text = "  Response codes:       NOERROR 1000 (99.60%), REFUSED 3 (0.30%), SERVFAIL 1 (0.10%)\n";
        assert_eq!(refused(text), 4.0);
    }
}
