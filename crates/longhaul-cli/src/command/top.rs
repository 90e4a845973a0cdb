//! What goes on, live: a screen that asks the API again each second, and keys that act.

mod action;
mod keys;
mod screen;

use std::{
    io::{self, Write},
    thread,
    time::Duration,
};

use clap::Args;
use crossterm::{
    cursor, event, execute, queue,
    style::Print,
    terminal::{self, ClearType},
};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use self::{
    action::Action,
    keys::{Step, step},
    screen::{Screen, View},
};
use crate::{
    error::{CliError, Exit},
    session::{Session, items, plain},
};

/// How often the API is asked.
const FRESH_EVERY: Duration = Duration::from_secs(1);
/// So many runs are in a list: more than a terminal shows without scrolling for long.
const ROWS: usize = 100;

#[derive(Args, Clone, Debug)]
pub(super) struct Top {
    /// The list that is shown first: running, waiting, suspended, failed or all.
    #[arg(long, value_name = "STATE", default_value = "running")]
    state: String,
}

/// A key, or `None`: it is time to look again.
type Event = Option<event::KeyEvent>;

pub(super) async fn run(top: &Top, session: &mut Session<'_>) -> Result<Exit, CliError> {
    let Some(view) = View::parse(&top.state) else {
        return Err(CliError::Usage(format!("`{}` is no list: running, waiting, suspended, failed or all", top.state)));
    };
    if !session.terminal.is_interactive() || !session.is_text() {
        return Err(CliError::Usage("`top` needs a terminal; `runs ls -o jsonl` is for programs".into()));
    }
    let mut screen = Screen::new(view);
    look(&mut screen, session).await?;
    let events = keys_of_terminal();
    let raw = Raw::enter()?;
    let result = follow(&mut screen, events, session).await;
    drop(raw);
    result
}

async fn follow(
    screen: &mut Screen,
    mut events: mpsc::Receiver<Event>,
    session: &mut Session<'_>,
) -> Result<Exit, CliError> {
    loop {
        draw(screen, session)?;
        match events.recv().await {
            None => return Ok(Exit::Done),
            Some(None) => look(screen, session).await?,
            Some(Some(key)) => match step(screen, key) {
                Step::Quit => return Ok(Exit::Done),
                Step::Draw => {}
                Step::Look => look(screen, session).await?,
                Step::Act(action, id) => {
                    act(screen, action, &id, session).await?;
                    look(screen, session).await?;
                }
                Step::Explain(id) => {
                    let detail = session.get(&format!("/runs/{id}")).await;
                    screen.say(match &detail {
                        Ok(detail) => plain(&detail["explanation"]["text"]),
                        Err(error) => error.to_string(),
                    });
                }
            },
        }
    }
}

/// What was refused is said; a store that does not answer ends the screen.
async fn act(screen: &mut Screen, action: Action, id: &str, session: &Session<'_>) -> Result<(), CliError> {
    match session.post(&format!("/runs/{id}/{}", action.as_str()), "", &json!({})).await {
        Ok(done) => screen.say(plain(&done["text"])),
        Err(error @ (CliError::NotFound(_) | CliError::Refused(_) | CliError::Failed(_))) => {
            screen.say(error.to_string());
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

async fn look(screen: &mut Screen, session: &Session<'_>) -> Result<(), CliError> {
    let overview = session.get("/overview").await?;
    let query = format!("{}limit={ROWS}", screen.view().query());
    let runs = session.api.get("/runs", &query).await?;
    screen.show(&overview, items(&runs["runs"]).to_vec());
    Ok(())
}

fn draw(screen: &Screen, session: &Session<'_>) -> io::Result<()> {
    let (width, height) = terminal::size()?;
    let relative = |at: &Value| session.relative(at);
    let lines = screen.lines(usize::from(width), usize::from(height), &relative, &session.terminal.painter());
    let mut out = io::stdout().lock();
    for (at, line) in (0..height).zip(lines.iter().map(String::as_str).chain(std::iter::repeat(""))) {
        queue!(out, cursor::MoveTo(0, at), Print(line), terminal::Clear(ClearType::UntilNewLine))?;
    }
    out.flush()
}

/// Keys, and a nudge each second, from a thread: reading a terminal blocks. It ends when nobody listens any more.
fn keys_of_terminal() -> mpsc::Receiver<Event> {
    let (tell, told) = mpsc::channel(1);
    thread::spawn(move || {
        loop {
            let next = match event::poll(FRESH_EVERY).and_then(|is_there| is_there.then(event::read).transpose()) {
                Ok(Some(event::Event::Key(key))) if key.kind == event::KeyEventKind::Release => continue,
                Ok(Some(event::Event::Key(key))) => Some(key),
                // Another size, or nothing for a second.
                Ok(_) => None,
                Err(_) => return,
            };
            if tell.blocking_send(next).is_err() {
                return;
            }
        }
    });
    told
}

/// The terminal gives each key as it is pressed, on a screen of its own. Both end with this.
struct Raw;

impl Raw {
    fn enter() -> io::Result<Self> {
        terminal::enable_raw_mode()?;
        let raw = Self;
        execute!(io::stdout(), terminal::EnterAlternateScreen, cursor::Hide)?;
        Ok(raw)
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // Where this fails, the terminal is gone.
        execute!(io::stdout(), cursor::Show, terminal::LeaveAlternateScreen).ok();
        terminal::disable_raw_mode().ok();
    }
}
