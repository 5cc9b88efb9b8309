//! `fairlead show` and `fairlead why`: ask the node, print what it says.

use std::process::ExitCode;

use anyhow::{Result, bail};
use serde_json::Value;

use crate::cli::{Output, ShowFlags, WhyFlags};
use crate::reach::Server;

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
    let path = if flags.subject.contains("://") {
        let mut path = format!("why/url?url={}&method={}", encode(&flags.subject), encode(&flags.method));
        for header in &flags.headers {
            if !header.contains(':') {
                bail!("-H {header:?}: write 'Name: value'");
            }
            path.push_str(&format!("&header={}", encode(header)));
        }
        if let Some(from) = flags.from {
            path.push_str(&format!("&from={from}"));
        }
        path
    } else {
        format!("why/service?namespace={}&name={}", encode(&flags.namespace), encode(&flags.subject))
    };
    let answer = block_on(async { Server::connect(&flags.reach).await?.ask(&path).await })?;
    print(&answer, flags.output)?;
    Ok(if answer["error_status"].is_number() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn print(answer: &Value, output: Output) -> Result<()> {
    if let Some(error) = answer["error"].as_str() {
        bail!("{error}");
    }
    match output {
        Output::Table => print!("{}", answer["text"].as_str().unwrap_or_default()),
        Output::Json => println!("{}", serde_json::to_string_pretty(&rows(answer))?),
        Output::Yaml => print!("{}", serde_saphyr::to_string(&rows(answer))?),
    }
    Ok(())
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
