//! A browser that is driven by `WebDriver`: <https://www.w3.org/TR/webdriver2/>. It blocks, so that `Drop` can end it.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{Ipv4Addr, TcpStream},
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};

/// How long the driver looks for an element before it says that there is none, in milliseconds. A page that works is
/// ready far sooner.
const FOUND_WITHIN: u64 = 30_000;
/// How often an element may be replaced between being found and being used.
const REPLACED_MAX: usize = 50;
/// The key under which `WebDriver` names an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

pub(crate) struct Browser {
    driver: Child,
    port: u16,
    session: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Script {
    On,
    Off,
}

impl Browser {
    /// Opens a browser. `None` without chromedriver: the test says so and passes, except in CI.
    pub(crate) fn open(script: Script) -> Option<Self> {
        let driver = Command::new("chromedriver").arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let Ok(mut driver) = driver else {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "there is no chromedriver, and CI needs one");
            let what = "SKIPPED, a test in a browser: install chromium and chromium-driver\n";
            // Not through the harness, which would keep it to itself.
            std::io::stderr().write_all(what.as_bytes()).expect("there is a standard error");
            return None;
        };
        let lines = BufReader::new(driver.stdout.take().expect("it is piped")).lines();
        let port = lines
            .map_while(Result::ok)
            .find_map(|line| line.split_once("successfully on port ")?.1.trim_end_matches('.').parse::<u16>().ok());
        let mut browser = Self { driver, port: port.expect("it says its port"), session: String::new() };
        let preferences = match script {
            Script::On => json!({}),
            Script::Off => json!({ "profile.managed_default_content_settings.javascript": 2 }),
        };
        let arguments = ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--lang=en"];
        let capabilities = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": { "args": arguments, "prefs": preferences },
            "goog:loggingPrefs": { "browser": "ALL" },
            "timeouts": { "implicit": FOUND_WITHIN },
        } } });
        let session = browser.ask("POST", "/session", &capabilities).expect("a browser opens");
        session["sessionId"].as_str().expect("it has an id").clone_into(&mut browser.session);
        Some(browser)
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).expect("the driver listens");
        let body = if method == "POST" { body.to_string() } else { String::new() };
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).expect("the driver reads");
        // The driver may keep the connection open, whatever it was asked.
        let (mut answer, mut length) = (BufReader::new(stream), 0);
        for line in answer.by_ref().lines().map(|line| line.expect("the driver answers")).take_while(|l| !l.is_empty())
        {
            if let Some((_, value)) = line.split_once(':').filter(|(key, _)| key.eq_ignore_ascii_case("content-length"))
            {
                length = value.trim().parse().expect("a length");
            }
        }
        let mut body: Value = serde_json::from_reader(answer.take(length)).expect("an answer is JSON");
        match body["value"]["error"].as_str() {
            Some(error) => Err(format!("{error}: {}", body["value"]["message"].as_str().unwrap_or_default())),
            None => Ok(body["value"].take()),
        }
    }

    fn get(&self, path: &str) -> Result<Value, String> {
        self.ask("GET", &format!("/session/{}/{path}", self.session), &Value::Null)
    }

    fn post(&self, path: &str, body: &Value) -> Result<Value, String> {
        self.ask("POST", &format!("/session/{}/{path}", self.session), body)
    }

    pub(crate) fn go(&self, url: &str) {
        self.post("url", &json!({ "url": url })).expect("it goes there");
    }

    pub(crate) fn url(&self) -> String {
        self.get("url").expect("it is somewhere").as_str().expect("text").to_owned()
    }

    /// Does something with the element at an `XPath`, as soon as there is one.
    fn with<T>(&self, xpath: &str, act: impl Fn(&str) -> Result<T, String>) -> T {
        for _ in 0..REPLACED_MAX {
            let found = self.post("element", &json!({ "using": "xpath", "value": xpath }));
            let found = found.unwrap_or_else(|error| panic!("{error}\n{}\n{}", self.url(), self.page_text()));
            match act(found[ELEMENT].as_str().expect("it has an id")) {
                Err(error) if error.starts_with("stale element") => {}
                done => return done.unwrap_or_else(|error| panic!("{xpath}: {error}")),
            }
        }
        panic!("{xpath} was replaced again and again");
    }

    fn page_text(&self) -> String {
        let source = self.get("source").unwrap_or_default();
        source.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until there is an element at this `XPath`.
    pub(crate) fn see(&self, xpath: &str) {
        self.with(xpath, |_| Ok(()));
    }

    /// An element, as an argument of a script.
    pub(crate) fn element(&self, xpath: &str) -> Value {
        json!({ ELEMENT: self.with(xpath, |id| Ok(id.to_owned())) })
    }

    /// How many elements there are now.
    pub(crate) fn count(&self, xpath: &str) -> usize {
        let script = "return document.evaluate('count(' + arguments[0] + ')', document).numberValue";
        self.run(script, &json!([xpath])).as_f64().expect("a number") as usize
    }

    pub(crate) fn click(&self, xpath: &str) {
        self.with(xpath, |id| self.post(&format!("element/{id}/click"), &json!({})));
    }

    pub(crate) fn fill(&self, xpath: &str, text: &str) {
        self.with(xpath, |id| {
            self.post(&format!("element/{id}/clear"), &json!({}))?;
            self.post(&format!("element/{id}/value"), &json!({ "text": text }))
        });
    }

    /// Whether somebody sees an element.
    pub(crate) fn is_shown(&self, xpath: &str) -> bool {
        self.with(xpath, |id| self.get(&format!("element/{id}/displayed"))) == true
    }

    /// Chooses an option of a menu by its text.
    pub(crate) fn choose(&self, name: &str, option: &str) {
        self.click(&format!("//select[@name='{name}']/option[normalize-space()='{option}']"));
    }

    /// The value that a script of the test returns.
    pub(crate) fn run(&self, script: &str, arguments: &Value) -> Value {
        self.post("execute/sync", &json!({ "script": script, "args": arguments })).expect("the script runs")
    }

    /// What pages are told about the user's taste: `light` or `dark`.
    pub(crate) fn prefer(&self, scheme: &str) {
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.post("goog/cdp/execute", &json!({ "cmd": "Emulation.setEmulatedMedia", "params": features }))
            .expect("it can pretend");
    }

    /// Nothing was written to the console since the last look: no error, and no violation of the policy. `but`: what a
    /// refusal on purpose writes there.
    pub(crate) fn assert_silent_but(&self, but: &[&str]) {
        let log = self.post("se/log", &json!({ "type": "browser" })).expect("it has a log");
        let lines: Vec<&Value> = log.as_array().expect("lines").iter().collect();
        let is_bad = |line: &&&Value| {
            line["level"] != "DEBUG" && !but.iter().any(|part| line["message"].to_string().contains(part))
        };
        assert_eq!(lines.iter().find(is_bad), None, "at {}", self.url());
    }

    pub(crate) fn assert_silent(&self) {
        self.assert_silent_but(&[]);
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver does not end its browser when it is killed. Without a session there is none.
        if !self.session.is_empty() {
            let end = || self.ask("DELETE", &format!("/session/{}", self.session), &Value::Null);
            if std::panic::catch_unwind(std::panic::AssertUnwindSafe(end)).is_err() {
                eprintln!("the browser may still be there");
            }
        }
        self.driver.kill().expect("it is ours");
        self.driver.wait().expect("it ends");
    }
}
