//! `fairlead show` and `fairlead why`: ask the node, print what it says.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::cli::{Output, ShowFlags, What, WhyFlags, misused};
use crate::reach::Server;
use crate::why_url;

/// Prints a table of what is in force.
///
/// # Errors
/// When the server cannot be reached or refuses.
pub fn show(flags: &ShowFlags) -> Result<ExitCode> {
    let mut path = format!("show/{}?", flags.what.word());
    if !flags.all_namespaces {
        path.push_str(&format!("namespace={}&", encode(&flags.namespace)));
    }
    if let Some(name) = &flags.name {
        if flags.what == What::Snapshot {
            return Err(misused!("show snapshot {name}: the snapshot has no names: leave {name} away, or show services, routes, ..."));
        }
        path.push_str(&format!("name={}", encode(name)));
    }
    let answer = block_on(async { Server::connect(&flags.reach).await?.ask(&path).await })?;
    print(&answer, flags.output)?;
    Ok(ExitCode::SUCCESS)
}

/// Explains a service or a URL; exit status 1 when a request for the URL would be answered with an error.
///
/// # Errors
/// When the server cannot be reached or knows no such service.
pub fn why(flags: &WhyFlags) -> Result<ExitCode> {
    let path = if let Some((scheme, _)) = flags.subject.split_once("://") {
        if !matches!(scheme, "http" | "https") {
            return Err(misused!("{}: {scheme}:// is not routed: use http:// or https://", flags.subject));
        }
        why_url::check(&flags.subject, &flags.headers)?;
        if flags.method.is_empty() {
            return Err(misused!("--method: name one such as GET or POST"));
        }
        let mut path = format!("why/url?url={}&method={}", encode(&flags.subject), encode(&flags.method));
        for header in &flags.headers {
            path.push_str(&format!("&header={}", encode(header)));
        }
        if let Some(from) = flags.from {
            path.push_str(&format!("&from={from}"));
        }
        if let Some(sni) = &flags.sni {
            path.push_str(&format!("&sni={}", encode(sni)));
        }
        path
    } else {
        // `shop/web` as tables and messages write it.
        let (namespace, name) = flags.subject.split_once('/').unwrap_or((&flags.namespace, &flags.subject));
        if name.is_empty() || name.contains('/') || name.contains('.') || namespace.contains('.') {
            return Err(misused!("{:?} is no name of a service: for a request write http://{}", flags.subject, flags.subject));
        }
        format!("why/service?namespace={}&name={}", encode(namespace), encode(name))
    };
    let answer = block_on(async { Server::connect(&flags.reach).await?.ask(&path).await })?;
    print(&answer, flags.output)?;
    // A service has no reason; a request that a backend would answer has the reason `ok`.
    Ok(if answer["reason"].as_str().is_none_or(|reason| reason == "ok") { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Prints an answer as text for people, or its rows for programs.
///
/// # Errors
/// When standard output cannot be written.
pub fn print(answer: &Value, output: Output) -> Result<()> {
    let text = match output {
        Output::Table => answer["text"].as_str().unwrap_or_default().to_owned(),
        Output::Json => format!("{}\n", serde_json::to_string_pretty(&rows(answer))?),
        Output::Yaml => serde_saphyr::to_string(&rows(answer))?,
    };
    match io::stdout().write_all(text.as_bytes()) {
        // Whoever reads has read enough: `show endpoints | head`.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("standard output cannot be written"),
    }
}

/// The answer for programs: without the text for people.
fn rows(answer: &Value) -> Value {
    let mut rows = answer.clone();
    if let Some(object) = rows.as_object_mut() {
        object.shift_remove("text");
    }
    rows
}

fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

/// Percent-encodes a query value.
fn encode(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
