//! A second try beside a slow first one (balance spec R6), with backends spoken by hand.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use model::policy::{Hedge, HedgeAfter};
use support::{Scene, Stage, Tape, eventually, ok};

/// Two backends, asked in turn; the second one gets a try after 20 ms.
fn scene(first: &Tape, second: &Tape) -> Scene {
    let mut scene = Scene::to(&[first.address, second.address]);
    scene.policy.hedge = Some(Hedge { after: HedgeAfter::Delay(Duration::from_millis(20)), max_extra_percent: 100.0 });
    scene
}

/// Takes requests and never answers; counts the connections that were ended while it was asked.
fn mute(ended: &Arc<AtomicUsize>) -> Tape {
    let ended = Arc::clone(ended);
    Tape::raw(move |wire, notes| {
        let request = wire.asked()?;
        notes.lock().ok()?.push(request);
        let _ = wire.asked();
        ended.fetch_add(1, Ordering::Relaxed);
        Some(())
    })
}

#[test]
fn whoever_answers_first_wins_and_the_other_is_cancelled() {
    let ended = Arc::new(AtomicUsize::new(0));
    let (slow, quick) = (mute(&ended), Tape::named("quick"));
    let scene = scene(&slow, &quick);
    let stage = Stage::new(&scene);
    for method in ["GET", "HEAD", "OPTIONS"] {
        for _ in 0..3 {
            let answer = stage.client().request(&format!("{method} /"), "").answer(method);
            assert_eq!(answer.status(), 200);
            assert!(method == "HEAD" || answer.text() == "quick");
        }
    }
    let asked = slow.requests.lock().expect("not poisoned").len();
    assert!((1..=9).contains(&asked), "{asked}");
    eventually("the connections of those that lost are closed", || ended.load(Ordering::Relaxed) == asked);
    eventually("nothing is in flight", || scene.pools[0].iter().all(|one| one.vitals.in_flight() == 0));
    assert!(scene.pools[0].iter().all(|one| !one.vitals.state().barred() && one.vitals.streaks().gateway == 0), "nobody failed");
}

#[test]
fn what_may_not_come_twice_goes_once() {
    let pause = || {
        Tape::answering(|request| {
            std::thread::sleep(Duration::from_millis(100));
            ok(request.path())
        })
    };
    let (one, two) = (pause(), pause());
    let stage = Stage::new(&scene(&one, &two));
    let mut client = stage.client();
    assert_eq!(client.request("POST /", "Content-Length: 0\r\n").answer("POST").status(), 200);
    assert_eq!(client.request("GET /", "Content-Length: 2\r\n").send("ab").answer("GET").status(), 200);
    let count = |tape: &Tape| tape.requests.lock().expect("not poisoned").len();
    assert_eq!(count(&one) + count(&two), 2);
    assert_eq!(client.get("/").status(), 200);
    eventually("a GET goes to both", || count(&one) + count(&two) == 4);
}

#[test]
fn the_word_of_a_second_that_fails_does_not_count_and_that_of_one_on_its_way_saves_a_first_that_breaks() {
    let slow = Tape::answering(|request| {
        std::thread::sleep(Duration::from_millis(150));
        ok(request.path())
    });
    let failing = Tape::answering(|_| b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n".to_vec());
    let stage = Stage::new(&scene(&slow, &failing));
    let statuses: Vec<u16> = (0..6).map(|_| stage.get("/x").status()).collect();
    assert!(statuses.contains(&200), "the first one's own answer: {statuses:?}");

    let breaking = Tape::raw(|wire, _| {
        wire.asked()?;
        std::thread::sleep(Duration::from_millis(60));
        None
    });
    let late = Tape::answering(|request| {
        std::thread::sleep(Duration::from_millis(200));
        ok(request.path())
    });
    let scene = scene(&breaking, &late);
    let stage = Stage::new(&scene);
    for _ in 0..4 {
        assert_eq!(stage.get("/y").status(), 200);
    }
    let asked = late.requests.lock().expect("not poisoned").len();
    assert!(asked <= 4, "nobody was asked twice for one request: {asked}");
    eventually("nothing is in flight", || scene.pools[0].iter().all(|one| one.vitals.in_flight() == 0));
}
