//! HTTP and gRPC: the same backends behind fairlead, haproxy, nginx and Envoy, each on one core.

use std::net::SocketAddr;

use anyhow::Result;
use serde_json::{Value, json};

use super::contest::{Contest, Entrant, Figure, Goal, Sample};
use super::field::{self, Field, everyone, url, wrk};
use super::{Arena, load};

/// All contests.
pub fn run(arena: &Arena) -> Result<Value> {
    let field = Field::set_up(arena)?;
    field.agree(arena)?;
    let contests = [
        everyone(&field, "http1-keep-alive", "HTTP/1 keep-alive, 64 B reply, 32 connections", |proxy| {
            wrk(arena, url("http", proxy.doors.plain), 32, false)
        })
        .goals([Goal::AtMost(0.83, "haproxy"), Goal::AtMost(0.95, "nginx")]),
        routes(&field, arena),
        everyone(&field, "http1-connections", "HTTP/1, a new connection per request", |proxy| wrk(arena, url("http", proxy.doors.plain), 32, true))
            .goals([Goal::AtMost(0.9, "haproxy")]),
        everyone(&field, "http1-megabyte", "HTTP/1, 1 MB replies from a sendfile backend, 4 connections", |proxy| {
            wrk(arena, url("http", proxy.doors.large) + "large", 4, false)
        })
        .goals([Goal::AtMostBest(0.9, &["nginx", "haproxy"])]),
        everyone(&field, "tls-handshakes", "TLS 1.3, a new P-256 session per request, no tickets", |proxy| {
            wrk(arena, url("https", proxy.doors.tls), 16, true)
        })
        .goals([Goal::AtMost(0.8, "nginx")]),
        everyone(&field, "http2-streams", "HTTP/2 over TLS, 8 connections of 16 streams, 64 B replies", |proxy| {
            streams(arena, &url("https", proxy.doors.tls), &[])
        })
        .goals([Goal::AtMost(0.8, "nginx")]),
        everyone(&field, "grpc-unary", "gRPC unary calls, 8 connections of 16 streams", |proxy| grpc(arena, proxy.doors.grpc))
            .goals([Goal::AtMost(0.8, "nginx")]),
        everyone(&field, "http1-latency", "HTTP/1, latency at a fixed 5,000 requests a second", |proxy| paced(arena, proxy.doors.plain))
            .decided_by(Figure::P99)
            .goals([Goal::AtMost(1.0, "haproxy")]),
    ];
    let results =
        contests.into_iter().filter(|contest| arena.holds(contest.slug)).map(|contest| contest.run(arena.rounds)).collect::<Result<Vec<_>>>()?;
    Ok(json!({"versions": field.versions, "contests": results}))
}

/// Ourselves with a thousand routes against ourselves with one.
fn routes<'a>(field: &'a Field, arena: &'a Arena) -> Contest<'a> {
    let ours = &field.proxies[0];
    let entrant = |name: &str, address: SocketAddr| Entrant {
        name: name.to_owned(),
        usage: Box::new(|| ours.process.usage()),
        load: Box::new(move || wrk(arena, url("http", address), 32, false)),
    };
    Contest {
        slug: "http1-routes",
        title: "HTTP/1 keep-alive with 1,000 HTTPRoutes and 5 headers matched, against one route",
        figure: Figure::CpuPerOperation,
        entrants: vec![entrant("fairlead", field.crowded), entrant("one route", ours.doors.plain)],
        goals: vec![Goal::AtMost(1.05, "one route")],
        missing: Vec::new(),
    }
}

fn streams(arena: &Arena, url: &str, more: &[&str]) -> Result<Sample> {
    let seconds = format!("-D{:.0}", arena.seconds);
    let arguments: Vec<String> = ["-c8", "-m16", "-t1", &seconds].iter().chain(more).chain([&url]).map(|&word| word.to_owned()).collect();
    load::h2load(&arguments, &arena.scratch)
}

fn grpc(arena: &Arena, address: SocketAddr) -> Result<Sample> {
    let message = field::message(&arena.scratch).display().to_string();
    streams(arena, &(url("http", address) + "call"), &["-d", &message, "-H", "content-type: application/grpc", "-H", "te: trailers"])
}

fn paced(arena: &Arena, address: SocketAddr) -> Result<Sample> {
    let seconds = format!("-D{:.0}", arena.seconds);
    let arguments = ["--h1", "-c20", "--rps=250", "-t1", &seconds, &url("http", address)].map(str::to_owned);
    load::h2load(&arguments, &arena.scratch)
}
