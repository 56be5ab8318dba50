//! A browser without a screen, driven through ChromeDriver (<https://www.w3.org/TR/webdriver2/>).

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// One window. The browser and its driver end with it.
pub(crate) struct Browser {
    driver: Child,
    port: u16,
    session: String,
}

/// Whether a page is looked at by day or by night.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Light {
    Light,
    Dark,
}

impl Browser {
    /// `None` where there is none to be started, which is said on the terminal; where `.ci/run` has installed one, that fails
    /// the test.
    pub(crate) fn open() -> Option<Browser> {
        let driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut driver = match driver {
            Ok(driver) => driver,
            Err(why) => {
                let wanted = std::env::var_os("PAGE_MUST_BE_SEEN").is_some();
                assert!(!wanted, "there is no chromedriver, and PAGE_MUST_BE_SEEN is set: {why}");
                // Standard error itself: what is printed in a test that passes is not shown.
                let _ = writeln!(
                    std::io::stderr(),
                    "SKIPPED: the page was not looked at, there is no chromedriver"
                );
                return None;
            }
        };
        let mut said = BufReader::new(driver.stdout.take().unwrap());
        let port = loop {
            let mut line = String::new();
            assert!(said.read_line(&mut line).unwrap() > 0, "chromedriver has ended");
            if let Some((_, rest)) = line.split_once("started successfully on port ") {
                break rest.trim().trim_end_matches('.').parse().unwrap();
            }
        };
        let mut browser = Browser { driver, port, session: String::new() };
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
        ];
        let capabilities = json!({"alwaysMatch": {"goog:chromeOptions": {"args": arguments}}});
        let answer = browser.ask("POST", "/session", &json!({ "capabilities": capabilities }));
        browser.session = answer["sessionId"].as_str().unwrap().to_owned();
        Some(browser)
    }

    /// From now on the window has this many pixels, and the user likes it so.
    pub(crate) fn dress(&self, width: u32, height: u32, light: Light) {
        let screen = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        self.devtools("Emulation.setDeviceMetricsOverride", &screen);
        let value = if light == Light::Dark { "dark" } else { "light" };
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": value}]});
        self.devtools("Emulation.setEmulatedMedia", &features);
    }

    pub(crate) fn visit(&self, address: &str) {
        self.command("/url", &json!({ "url": address }));
    }

    /// What this script returns.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.command("/execute/sync", &json!({"script": script, "args": []}))
    }

    /// Waits until this expression is true.
    #[track_caller]
    pub(crate) fn wait(&self, expression: &str) {
        let until = Instant::now() + Duration::from_secs(30);
        while self.run(&format!("return !!({expression})")) != true {
            let page = self.run("return document.body.innerText");
            assert!(Instant::now() < until, "{expression} does not come about:\n{page}");
            std::thread::park_timeout(Duration::from_millis(50));
        }
    }

    /// Types into what has the focus.
    pub(crate) fn type_text(&self, text: &str) {
        self.devtools("Input.insertText", &json!({ "text": text }));
    }

    /// What the page has written to the console, errors of the browser included.
    pub(crate) fn complaints(&self) -> Value {
        self.command("/se/log", &json!({"type": "browser"}))
    }

    /// Keeps what is to be seen, as a PNG, in Cargo's folder for tests.
    pub(crate) fn keep_picture(&self, name: &str) {
        let picture = self.devtools("Page.captureScreenshot", &json!({"captureBeyondViewport": true}));
        let bytes = from_base64(picture["data"].as_str().unwrap());
        assert!(bytes.starts_with(b"\x89PNG"));
        std::fs::write(format!("{}/{name}.png", env!("CARGO_TARGET_TMPDIR")), bytes).unwrap();
    }

    fn devtools(&self, command: &str, parameters: &Value) -> Value {
        self.command("/goog/cdp/execute", &json!({"cmd": command, "params": parameters}))
    }

    fn command(&self, path: &str, body: &Value) -> Value {
        self.ask("POST", &format!("/session/{}{path}", self.session), body)
    }

    #[track_caller]
    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let mut socket = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let body = body.to_string();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        socket.write_all((head + &body).as_bytes()).unwrap();
        let (head, body) = answer(socket);
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{path}: {body}");
        body["value"].clone()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if let Ok(mut socket) = TcpStream::connect(("127.0.0.1", self.port)) {
            let path = format!("/session/{}", self.session);
            let _ = socket.set_read_timeout(Some(Duration::from_secs(20)));
            let _ = write!(socket, "DELETE {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
            let _ = socket.read(&mut [0; 1024]);
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// Head and body of an answer; the driver keeps its connections open.
fn answer(socket: TcpStream) -> (String, Vec<u8>) {
    let mut socket = BufReader::new(socket);
    let (mut head, mut length) = (String::new(), 0);
    while !head.ends_with("\r\n\r\n") {
        let start = head.len();
        assert!(socket.read_line(&mut head).unwrap() > 0, "no whole answer: {head}");
        if let Some(text) = head[start..].to_ascii_lowercase().strip_prefix("content-length:") {
            length = text.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    socket.read_exact(&mut body).unwrap();
    (head, body)
}

fn from_base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = text.bytes().filter_map(|byte| DIGITS.iter().position(|digit| *digit == byte));
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0, 0_usize);
    for digit in digits {
        held = (held << 6 | digit) & 0xFFFF;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits & 0xFF).unwrap());
        }
    }
    bytes
}
