//! What is on the screen: lines of text from what the API answered.

use longhaul_inspect::words::short;
use serde_json::Value;

use super::action::Action;
use crate::{
    escape,
    session::{items, plain},
    table::{Colour, Table, cut},
};

/// A list of runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum View {
    Running,
    Waiting,
    Suspended,
    Failed,
    All,
}

impl View {
    const ALL: [Self; 5] = [Self::Running, Self::Waiting, Self::Suspended, Self::Failed, Self::All];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Suspended => "suspended",
            Self::Failed => "failed",
            Self::All => "all",
        }
    }

    pub(super) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|view| view.as_str() == word)
    }

    /// The filters of the API, to be gone on with.
    pub(super) const fn query(self) -> &'static str {
        match self {
            Self::Running => "state=running&",
            Self::Waiting => "state=pending&state=retrying&",
            Self::Suspended => "state=suspended&",
            Self::Failed => "state=failed&",
            Self::All => "",
        }
    }
}

const HELP: [&str; 9] = [
    "j k g G     move down, up, to the first, to the last",
    "h l Tab     another list",
    "e Enter     why it does not run now",
    "p           let a suspended run go on",
    "n           run a waiting run now",
    "r           retry",
    "S C D       suspend, cancel, delete: each asks first",
    "?           this help",
    "q           leave",
];

pub(super) struct Screen {
    view: View,
    overview: Value,
    runs: Vec<Value>,
    at: usize,
    question: Option<(Action, String)>,
    said: String,
    shows_help: bool,
}

/// Colours a text, where there are colours.
pub(super) type Paint<'a> = &'a dyn Fn(&str, Option<Colour>) -> String;

impl Screen {
    pub(super) fn new(view: View) -> Self {
        let (overview, runs, said) = (Value::Null, Vec::new(), String::new());
        Self { view, overview, runs, at: 0, question: None, said, shows_help: false }
    }

    pub(super) const fn view(&self) -> View {
        self.view
    }

    /// What the API answered. The run that is marked stays marked.
    pub(super) fn show(&mut self, overview: &Value, runs: Vec<Value>) {
        let marked = self.selected();
        self.overview = overview.clone();
        self.at = marked.and_then(|id| runs.iter().position(|run| run["id"] == *id)).unwrap_or(self.at);
        self.at = self.at.min(runs.len().saturating_sub(1));
        self.runs = runs;
    }

    pub(super) fn selected(&self) -> Option<String> {
        Some(plain(&self.runs.get(self.at)?["id"]))
    }

    pub(super) fn move_by(&mut self, rows: isize) {
        self.at = self.at.saturating_add_signed(rows).min(self.runs.len().saturating_sub(1));
    }

    /// Another list.
    pub(super) fn turn(&mut self, by: isize) {
        let all = View::ALL;
        let at = all.iter().position(|view| *view == self.view).unwrap_or(0);
        self.view = all[(at as isize + by).rem_euclid(all.len() as isize) as usize];
        self.at = 0;
    }

    pub(super) const fn toggle_help(&mut self) {
        self.shows_help = !self.shows_help;
    }

    pub(super) fn say(&mut self, text: String) {
        self.said = text;
    }

    pub(super) fn ask(&mut self, action: Action, id: String) {
        self.question = Some((action, id));
    }

    pub(super) const fn take_question(&mut self) -> Option<(Action, String)> {
        self.question.take()
    }

    /// The lines, of which none is wider than the terminal, and not more than it has.
    pub(super) fn lines(
        &self,
        width: usize,
        height: usize,
        relative: &dyn Fn(&Value) -> String,
        paint: Paint<'_>,
    ) -> Vec<String> {
        let mut lines = vec![paint(&cut(&self.head(relative), width), None)];
        let warnings = items(&self.overview["warnings"]);
        let warned =
            |warning: &Value| paint(&cut(&format!("! {}", line(&warning["text"])), width), Some(Colour::Yellow));
        lines.extend(warnings.iter().take(3).map(warned));
        let tab = |view: View| if view == self.view { format!("[{}]", view.as_str()) } else { view.as_str().into() };
        lines.push(String::new());
        lines.push(cut(&View::ALL.map(tab).join("  "), width));
        // One line is below, for what is said.
        let rows = height.saturating_sub(lines.len() + 2);
        if self.shows_help {
            lines.extend(HELP.iter().take(rows + 1).map(|line| cut(line, width)));
        } else {
            lines.extend(self.table(width.saturating_sub(2), rows, relative, paint));
        }
        lines.resize(height.saturating_sub(1), String::new());
        let below = match &self.question {
            Some((action, id)) => paint(&cut(&format!("{} {id}? y/N", action.as_str()), width), Some(Colour::Red)),
            None if self.said.is_empty() => paint(&cut("? help   q leave", width), Some(Colour::Faint)),
            None => cut(&escape::line(&self.said), width),
        };
        lines.push(below);
        lines.truncate(height);
        lines
    }

    fn head(&self, relative: &dyn Fn(&Value) -> String) -> String {
        let states = &self.overview["states"];
        let count = |state: &str| states[state].as_u64().unwrap_or(0);
        let servers = self.overview["servers"].as_u64().unwrap_or(0);
        let mut head = format!(
            "{} running · {} due · {} waiting · {} suspended · {} failed · {servers} {}",
            count("running"),
            self.overview["due"].as_u64().unwrap_or(0),
            count("pending") + count("retrying"),
            count("suspended"),
            count("failed"),
            if servers == 1 { "server" } else { "servers" },
        );
        if !self.overview["oldest"].is_null() {
            head = format!("{head} · oldest due {}", relative(&self.overview["oldest"]));
        }
        head
    }

    /// As many rows as there is room for, with the marked one among them.
    fn table(&self, width: usize, rows: usize, relative: &dyn Fn(&Value) -> String, paint: Paint<'_>) -> Vec<String> {
        if self.runs.is_empty() {
            return vec!["  No run is in this list.".into()];
        }
        let first = (self.at + 1).saturating_sub(rows.max(1));
        let shown = &self.runs[first..self.runs.len().min(first + rows.max(1))];
        let mut table = Table::new(&["ID", "KIND", "STATE", "SINCE", "TRIES", "PROGRESS", "TITLE"]);
        for run in shown {
            let state = plain(&run["state"]);
            let colour = Colour::of_state(&state);
            let title = items(&run["tags"]).iter().find(|tag| tag["key"] == longhaul::TITLE_TAG);
            table
                .row([
                    short(&plain(&run["id"])).to_owned(),
                    plain(&run["kind"]),
                    state,
                    relative(&run["since"]),
                    plain(&run["attempts"]),
                    progress(&run["progress"]),
                    title.map(|tag| plain(&tag["value"])).unwrap_or_default(),
                ])
                .colour(2, colour);
        }
        let is_coloured = paint("x", Some(Colour::Red)) != "x";
        let text = table.render(Some(width), is_coloured);
        let mark = |(at, line): (usize, &str)| {
            let is_marked = at == self.at - first + 1;
            format!("{} {line}", if is_marked { '>' } else { ' ' })
        };
        text.lines().enumerate().map(mark).collect()
    }
}

fn line(value: &Value) -> String {
    escape::line(&plain(value)).into_owned()
}

/// `orders 45 %`, or how much is done where nobody knows the whole.
fn progress(of: &Value) -> String {
    let (Some(done), step) = (of["done"].as_u64(), plain(&of["step"])) else { return String::new() };
    let told = match of["total"].as_u64().filter(|total| *total > 0) {
        Some(total) => format!("{} %", (done.min(total) as f64 / total as f64 * 100.0).floor()),
        None => done.to_string(),
    };
    format!("{step} {told}").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn lines(screen: &Screen, width: usize, height: usize) -> Vec<String> {
        screen.lines(width, height, &|at| format!("<{}>", plain(at)), &|text, _| text.to_owned())
    }

    fn screen(runs: usize) -> Screen {
        let mut screen = Screen::new(View::Running);
        let overview = json!({
            "states": {"running": 2, "pending": 3, "retrying": 1, "suspended": 0, "failed": 7}, "due": 1, "servers": 2,
            "oldest": "3 min", "warnings": [{"text": "The queue mail is paused."}]
        });
        let run = |n: usize| {
            json!({
                "id": format!("run_{n:026}"), "kind": "export", "state": "running", "since": "now", "attempts": 1,
                "progress": {"step": "orders\u{1b}[2J", "done": 9, "total": 20},
                "tags": [{"key": "longhaul.title", "value": "Export of orders"}]
            })
        };
        screen.show(&overview, (0..runs).map(run).collect());
        screen
    }

    #[test]
    fn the_screen_shows_counts_warnings_and_runs_with_the_marked_one() {
        let mut screen = screen(3);
        screen.move_by(1);
        let lines = lines(&screen, 100, 12);
        assert_eq!(lines.len(), 12);
        assert_eq!(lines[0], "2 running · 1 due · 4 waiting · 0 suspended · 7 failed · 2 servers · oldest due <3 min>");
        assert_eq!(
            (lines[1].as_str(), lines[3].as_str()),
            ("! The queue mail is paused.", "[running]  waiting  suspended  failed  all")
        );
        assert!(lines[6].starts_with("> 00000001  export") && lines[5].starts_with("  00000000"), "{lines:#?}");
        assert!(lines[5].contains("45 %") && lines[5].contains("Export of orders"), "{lines:#?}");
        assert!(lines.iter().all(|line| !line.contains('\u{1b}')), "no value acts on the terminal: {lines:?}");
    }

    #[test]
    fn no_line_is_too_wide_and_the_marked_run_is_always_there() {
        let mut screen = screen(60);
        screen.move_by(isize::MAX);
        for (width, height) in [(40, 8), (200, 60), (20, 3), (80, 24)] {
            let lines = lines(&screen, width, height);
            assert!(lines.len() <= height, "{width} {height}");
            assert!(
                height < 8 || lines.iter().any(|line| line.starts_with("> 00000059")),
                "{width} {height}: {lines:#?}"
            );
            assert!(width < 80 || lines.iter().all(|line| line.chars().count() <= width), "{lines:#?}");
        }
        screen.toggle_help();
        assert!(lines(&screen, 80, 24).iter().any(|line| line.contains("each asks first")));
        screen.ask(Action::Cancel, "run_7".into());
        assert_eq!(lines(&screen, 80, 24).last().map(String::as_str), Some("cancel run_7? y/N"));
    }
}
