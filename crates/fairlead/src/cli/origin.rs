//! Where a value came from. Messages name flags; one that nobody typed is called by what spoke for it: its variable, or its key in the file.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue};

/// An error of the command line, with the variable in the place of a flag that it spoke for.
pub(super) fn of_variable(mut error: clap::Error, command: &clap::Command) -> clap::Error {
    let Some(ContextValue::String(said)) = error.get(ContextKind::InvalidArg) else { return error };
    let flag = said.split([' ', '=', '[']).next().and_then(|flag| flag.strip_prefix("--")).unwrap_or_default();
    if let Some(name) = variable(flag).filter(|_| !is_typed(flag, short_of(command, flag), &typed())) {
        error.insert(ContextKind::InvalidArg, ContextValue::String(name));
    }
    error
}

/// A message in which flags that were not typed are called by the variable that is set for them.
pub fn told(message: &str) -> String {
    let typed = typed();
    renamed(message, |flag| variable(flag).filter(|_| !is_typed(flag, None, &typed)))
}

/// A message in which flags that were neither typed nor set by a variable are called by the key of the file that holds them.
pub fn told_of_file(message: &str, keys: &[String]) -> String {
    let typed = typed();
    renamed(message, |flag| {
        let is_of_file = !is_typed(flag, None, &typed) && variable(flag).is_none() && keys.iter().any(|key| key == flag);
        is_of_file.then(|| flag.to_owned())
    })
}

/// A message with another name for some of its flags.
fn renamed(message: &str, name: impl Fn(&str) -> Option<String>) -> String {
    let mut told = String::with_capacity(message.len());
    let mut rest = message;
    while let Some(start) = rest.find("--") {
        let (before, after) = (&rest[..start], &rest[start + 2..]);
        let end = after.find(|one: char| !(one.is_ascii_lowercase() || one == '-')).unwrap_or(after.len());
        let is_flag = !before.ends_with(|one: char| one.is_alphanumeric() || one == '-');
        told.push_str(before);
        match name(&after[..end]).filter(|_| is_flag) {
            Some(name) => told.push_str(&name),
            None => told.push_str(&rest[start..start + 2 + end]),
        }
        rest = &after[end..];
    }
    told + rest
}

/// The variable of a flag, where it is set to something.
fn variable(flag: &str) -> Option<String> {
    let name = format!("FAIRLEAD_{}", flag.to_ascii_uppercase().replace('-', "_"));
    (!flag.is_empty() && std::env::var_os(&name).is_some_and(|value| !value.is_empty())).then_some(name)
}

/// What was typed, without what `run` hands on to a program.
fn typed() -> Vec<OsString> {
    std::env::args_os().skip(1).take_while(|word| word != "--").collect()
}

fn is_typed(flag: &str, short: Option<char>, typed: &[OsString]) -> bool {
    typed.iter().filter_map(|word| word.to_str()).any(|word| match word.strip_prefix("--") {
        Some(long) => long.split('=').next() == Some(flag),
        None => short.is_some_and(|short| word.strip_prefix('-').is_some_and(|rest| rest.starts_with(short))),
    })
}

fn short_of(command: &clap::Command, flag: &str) -> Option<char> {
    let own = command.get_arguments().find(|arg| arg.get_long() == Some(flag)).and_then(clap::Arg::get_short);
    own.or_else(|| command.get_subcommands().find_map(|command| short_of(command, flag)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_flags_with_another_name_are_renamed() {
        let known = |flag: &str| (flag == "http-address").then(|| "http-address".to_owned());
        assert_eq!(renamed("--https-address 1: --http-address has it", known), "--https-address 1: http-address has it");
        assert_eq!(renamed("--http-address: x--http-address ---http-address --", known), "http-address: x--http-address ---http-address --");
        assert_eq!(renamed("ä--http-address ü --http-address", known), "ä--http-address ü http-address");
    }

    #[test]
    fn a_flag_is_typed_in_each_of_its_forms() {
        let typed: Vec<OsString> = ["run", "--name=w", "-nshop", "--port"].into_iter().map(Into::into).collect();
        assert!(is_typed("name", None, &typed) && is_typed("port", None, &typed) && is_typed("namespace", Some('n'), &typed));
        assert!(!is_typed("names", None, &typed) && !is_typed("output", Some('o'), &typed));
    }
}
