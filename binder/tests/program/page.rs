//! The page: what it answers, and what a person sees.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use binder::{Binder, CallCounts, Mode, Offer, Registration, RegistrationOptions};
use rpc_core::metrics::{Family, Metrics};
use serde_json::Value;

use crate::browser::{Browser, Light};
use crate::house::{Folder, Running, check, command, run};

/// A binder with a page, and the page's address.
fn start(options: &[&str]) -> (Running, String) {
    let mut command = command(&["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"]);
    command.args(options);
    let (binder, log) = Running::spawn_telling(command);
    let page = log.split_once("showing a page at http://").unwrap().1.split('/').next().unwrap().to_owned();
    (binder, page)
}

/// Status and body of the answer to a GET.
fn fetch(page: &str, path: &str) -> (u16, String) {
    let mut socket = TcpStream::connect(page).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    write!(socket, "GET {path} HTTP/1.1\r\nHost: {page}\r\n\r\n").unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// Three services: one alone, one shared by two, and one with a name as long as names get.
fn populate(binder: &Running) -> Vec<Registration> {
    let shared = |port, version: &str, zone: &str| Offer {
        mode: Mode::Shared,
        weight: port % 10,
        version: Some(version.into()),
        metadata: [("zone".to_owned(), zone.to_owned()), ("disk".to_owned(), "ssd".to_owned())].into(),
        ..Offer::new("images/resize", "127.0.0.1", port)
    };
    let offers = [
        vec![Offer::new("create_room", "127.0.0.1", 40001), Offer::new("send_message", "127.0.0.1", 40001)],
        vec![shared(40_012, "1.4.0", "a")],
        vec![shared(40_021, "1.5.0-rc.1", "<b>Zürich</b>"), Offer::new("x".repeat(255), "127.0.0.1", 40_021)],
    ];
    // All of them are called a hundred times between two renewals.
    let start = |offers: Vec<Offer>| {
        let calls = AtomicU64::new(0);
        let names: Vec<_> = offers.iter().map(|offer| offer.name.clone()).collect();
        let metrics = move || {
            let calls = calls.fetch_add(100, Ordering::SeqCst);
            let family = Family::counter("rpc_server_calls_total", "Calls.");
            Metrics::from_iter([names
                .iter()
                .fold(family, |family, name| family.with([("procedure", name.as_str())], calls))])
        };
        let options = RegistrationOptions {
            lease: Some(Duration::from_secs(2)),
            calls: Some(CallCounts::of(metrics)),
            ..RegistrationOptions::default()
        };
        Registration::start_with(&binder.address, offers, options).unwrap()
    };
    let registrations: Vec<_> = offers.into_iter().map(start).collect();
    for registration in &registrations {
        registration.wait_registered(Duration::from_secs(20)).unwrap();
    }
    registrations
}

#[test]
fn the_page_is_of_one_piece_and_says_when_it_is_well() {
    let (_binder, page) = start(&[]);
    for path in ["/", "/page.css", "/page.js", "/icon.svg"] {
        let (status, body) = fetch(&page, path);
        assert_eq!(status, 200, "{path}");
        assert!(!body.contains("http://") && !body.contains("https://") || path == "/icon.svg", "{path}");
    }
    assert_eq!(fetch(&page, "/healthz"), (200, "ok\n".to_owned()));
    assert_eq!(fetch(&page, "/etc/passwd").0, 404);
    assert_eq!(fetch(&page, "/../page.css").0, 404);
}

#[test]
fn the_state_is_what_list_and_stats_say() {
    let (binder, page) = start(&[]);
    let _registrations = populate(&binder);
    let ask = |query: &str| -> Value {
        serde_json::from_str(&fetch(&page, &format!("/state.json{query}")).1).unwrap()
    };
    let all = ask("");
    assert_eq!((all["entries"].as_array().unwrap().len(), &all["more"]), (5, &Value::from(false)));
    assert_eq!((&all["stats"]["names"], all["address"].as_str()), (&Value::from(4), Some(&*binder.address)));
    for (query, count) in [
        ("RESIZE", 2),
        ("40021", 2),
        ("zone%3Da", 1),
        ("1.5.0", 1),
        ("live", 5),
        ("z%C3%BCrich", 1),
        ("no", 0),
    ] {
        let found = ask(&format!("?contains={query}"));
        assert_eq!(found["entries"].as_array().unwrap().len(), count, "{query}");
    }
}

#[test]
fn a_thousand_rows_are_enough_for_a_page() {
    let (binder, page) = start(&[]);
    let offers = (0..1_002).map(|number| Offer::new(format!("p{number:04}"), "127.0.0.1", 4000));
    let registration =
        Registration::start_with(&binder.address, offers, RegistrationOptions::default()).unwrap();
    registration.wait_registered(Duration::from_secs(20)).unwrap();
    let state: Value = serde_json::from_str(&fetch(&page, "/state.json").1).unwrap();
    assert_eq!((state["entries"].as_array().unwrap().len(), &state["more"]), (1_000, &Value::from(true)));
    let state: Value = serde_json::from_str(&fetch(&page, "/state.json?contains=p1001").1).unwrap();
    assert_eq!((state["entries"][0]["name"].as_str(), &state["more"]), (Some("p1001"), &Value::from(false)));
}

#[test]
fn metrics_are_what_prometheus_reads() {
    let folder = Folder::new();
    let (binder, page) = start(&["--state", &folder.path("state")]);
    let _registrations = populate(&binder);
    let (status, metrics) = fetch(&page, "/metrics");
    assert_eq!(status, 200);
    for line in ["binder_procedures 4", "binder_registrations 5", "binder_servers 3", "binder_alarm 0"] {
        assert!(metrics.lines().any(|told| told == line), "{line} is not in\n{metrics}");
    }
    let tool = std::env::var("PROMTOOL");
    let program = tool.clone().unwrap_or_else(|_| "promtool".to_owned());
    let started =
        Command::new(program).args(["check", "metrics"]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut promtool = match started {
        Ok(promtool) => promtool,
        Err(why) => {
            assert!(tool.is_err(), "PROMTOOL is set, and does not start: {why}");
            let _ =
                writeln!(std::io::stderr(), "SKIPPED: the metrics were not checked, there is no promtool");
            return;
        }
    };
    promtool.stdin.take().unwrap().write_all(metrics.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_page_that_would_show_too_much_is_refused() {
    check(
        &run(&["--listen", "127.0.0.1:0", "--http", "0.0.0.0:0"]),
        1,
        "",
        "binder: other machines could reach the page at 0.0.0.0:0, and it asks nobody who he is: let --http",
    );
    let folder = Folder::new();
    let tokens = folder.file("tokens", "0123456789abcdef *");
    let closed = ["--listen", "127.0.0.1:0", "--token-file", &tokens, "--lookups", "token"];
    check(
        &run(&[&closed[..], &["--http", "127.0.0.1:0"]].concat()),
        1,
        "",
        "binder: a page asks nobody who he is, and would show to everybody what only some may look up",
    );
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = holder.local_addr().unwrap().to_string();
    check(
        &run(&["--listen", "127.0.0.1:0", "--http", &taken]),
        1,
        "",
        "or choose another address with --http",
    );
}

#[test]
fn open_pages_do_not_hold_up_the_end() {
    let (mut binder, page) = start(&[]);
    let mut half = TcpStream::connect(&page).unwrap();
    half.write_all(b"GET / HTTP").unwrap();
    let start = Instant::now();
    binder.signal("-TERM");
    assert_eq!(binder.process.wait().unwrap().code(), Some(0));
    assert!(start.elapsed() < Duration::from_secs(5));
}

/// Looks wider than the window, or at what only scrolling sideways would show.
const WIDER: &str = "return [...document.querySelectorAll('body *')].filter(node => \
     node.getClientRects().length && node.getBoundingClientRect().right > innerWidth + 1 && !node.closest('thead')) \
     .map(node => node.outerHTML.slice(0, 80)).concat(document.documentElement.scrollWidth > innerWidth ? ['page'] : [])";

#[test]
fn people_see_what_is_registered_on_a_desktop_and_a_phone_by_day_and_by_night() {
    let Some(browser) = Browser::open() else { return };
    let (binder, page) = start(&[]);
    let registrations = populate(&binder);
    browser.visit(&format!("http://{page}/"));
    browser.wait("document.querySelectorAll('#rows tr').length === 5");
    assert!(binder.ask(&["drain", "create_room"]).status.success());
    browser.wait("document.querySelector('td.state.doubtful')?.textContent === 'draining'");
    browser.wait(
        "[...document.querySelectorAll('td[data-label=\"calls/s\"]')].every(cell => parseFloat(cell.textContent) > 0)",
    );
    let texts = browser
        .run("return [...document.querySelectorAll('td.metadata')].map(cell => cell.innerText).sort()");
    assert_eq!(texts[3], "disk=ssd\nzone=<b>Zürich</b>", "what servers say is text: {texts}");
    assert_eq!(browser.run("return /NaN|undefined|null/.test(document.body.innerText)"), false);
    for (name, width, light, ground) in [
        ("desktop-light", 1280, Light::Light, "rgb(251, 251, 249)"),
        ("desktop-dark", 1280, Light::Dark, "rgb(21, 24, 22)"),
        ("phone-light", 390, Light::Light, "rgb(251, 251, 249)"),
        ("phone-dark", 390, Light::Dark, "rgb(21, 24, 22)"),
    ] {
        browser.dress(width, 800, light);
        assert_eq!(browser.run("return innerWidth"), width);
        assert_eq!(browser.run("return getComputedStyle(document.body).backgroundColor"), ground);
        assert_eq!(browser.run(WIDER), Value::from(Vec::<Value>::new()), "{name}");
        browser.keep_picture(name);
    }
    browser.run("document.getElementById('filter').focus()");
    browser.type_text("zone=a");
    browser.wait("document.querySelectorAll('#rows tr').length === 1");
    assert_eq!(browser.run("return document.getElementById('count').textContent"), "1 of 5");
    assert_eq!(
        browser.run("return document.querySelectorAll('[role=table] [role=row] [role=cell]').length"),
        9
    );
    assert_eq!(browser.complaints(), Value::from(Vec::<Value>::new()), "the page breaks its own rules");
    browser.run(
        "Object.defineProperty(document, 'hidden', {value: true, configurable: true}); \
         document.dispatchEvent(new Event('visibilitychange')); \
         window.hiddenAt = performance.now(); window.asked = () => performance.getEntriesByType('resource').length; \
         window.askedThen = asked()",
    );
    browser.wait("performance.now() > hiddenAt + 2500");
    assert_eq!(
        browser.run("return asked() - askedThen <= 1"),
        true,
        "a page that nobody sees asks for nothing"
    );
    browser.run("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))");
    browser.wait("asked() > askedThen + 1");
    drop((registrations, binder));
    browser.wait("document.body.classList.contains('gone')");
    let sentence = browser.run("return document.querySelector('[role=alert]').textContent");
    assert!(sentence.as_str().unwrap().starts_with("The binder has not answered since "), "{sentence}");
    browser.keep_picture("phone-gone");
}

#[test]
fn the_alarm_is_told_in_words() {
    let Some(browser) = Browser::open() else { return };
    let (binder, page) = start(&["--lease", "300ms"]);
    for host in 1..=6 {
        binder.client().register_procedure(format!("p{host}"), format!("127.0.0.{host}"), 4000).unwrap();
    }
    browser.dress(1280, 800, Light::Light);
    browser.visit(&format!("http://{page}/"));
    browser.wait("document.getElementById('alarm').textContent.includes('So many at once are rarely dead')");
    assert_eq!(browser.run("return document.querySelectorAll('td.state.bad').length"), 6);
    assert!(
        browser.run("return document.title").as_str().unwrap().starts_with("(6 suspect) Binder 127.0.0.1:")
    );
    browser.keep_picture("desktop-alarm");
}
