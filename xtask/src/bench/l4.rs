//! Connections and datagrams that are relayed without being read: the same backends behind fairlead, haproxy, nginx and Envoy, each on
//! one core. haproxy relays no datagrams.

use std::fs;
use std::path::PathBuf;

use anyhow::Result;
use serde_json::{Value, json};

use super::contest::{Contest, Goal};
use super::field::{Field, everyone, url, wrk};
use super::{Arena, load};

/// All contests.
pub fn run(arena: &Arena) -> Result<Value> {
    let field = Field::set_up(arena)?;
    field.agree(arena)?;
    let questions = questions(arena)?;
    let contests = [
        everyone(&field, "tcp-relay", "TCP, 64 B replies over 32 kept connections", |proxy| wrk(arena, url("http", proxy.doors.tcp), 32, false))
            .goals([Goal::AtMost(1.0, "haproxy")]),
        everyone(&field, "tcp-connections", "TCP, a new connection per request on both sides", |proxy| {
            wrk(arena, url("http", proxy.doors.brief), 32, false)
        })
        .goals([Goal::AtMost(1.0, "haproxy")]),
        everyone(&field, "tcp-megabyte", "TCP, 1 MB replies from a sendfile backend, 4 connections", |proxy| {
            wrk(arena, url("http", proxy.doors.bulk) + "large", 4, false)
        })
        .goals([Goal::AtMostBest(1.0, &["nginx", "haproxy"])]),
        everyone(&field, "udp-flows", "UDP, datagrams of 32 flows and their replies", |proxy| {
            load::dnsperf(proxy.doors.udp, &questions, arena.seconds, None)
        })
        .without("haproxy", "relays no datagrams")
        .goals([Goal::AtMost(1.0, "nginx")]),
    ];
    let contest = |contest: Contest<'_>| match &field.no_stream {
        Some(why) => contest.without("nginx", why).run(arena.rounds),
        None => contest.run(arena.rounds),
    };
    let results = contests.into_iter().filter(|contest| arena.holds(contest.slug)).map(contest).collect::<Result<Vec<_>>>()?;
    Ok(json!({"versions": field.versions, "contests": results}))
}

/// The payload of datagrams: what the load generator sends are DNS queries, which the backends send back as answers.
fn questions(arena: &Arena) -> Result<PathBuf> {
    let file = arena.scratch.join("questions");
    fs::write(&file, "relayed.example A\n")?;
    Ok(file)
}
