//! What keys mean. Those that stop or destroy something are upper-case, and are asked about.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{action::Action, screen::Screen};

/// What comes of a key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The screen differs, if at all.
    Draw,
    /// Other runs are wanted.
    Look,
    /// Something is done to this run.
    Act(Action, String),
    /// It is asked why this run does not run now.
    Explain(String),
    Quit,
}

pub(super) fn step(screen: &mut Screen, key: KeyEvent) -> Step {
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        return if key.code == KeyCode::Char('c') { Step::Quit } else { Step::Draw };
    }
    if let Some((action, id)) = screen.take_question() {
        if matches!(key.code, KeyCode::Char('y' | 'Y')) {
            return Step::Act(action, id);
        }
        screen.say("Nothing was done.".into());
        return Step::Draw;
    }
    screen.say(String::new());
    match key.code {
        KeyCode::Char('q') | KeyCode::Esc => return Step::Quit,
        KeyCode::Char('j') | KeyCode::Down => screen.move_by(1),
        KeyCode::Char('k') | KeyCode::Up => screen.move_by(-1),
        KeyCode::PageDown => screen.move_by(10),
        KeyCode::PageUp => screen.move_by(-10),
        KeyCode::Char('g') | KeyCode::Home => screen.move_by(isize::MIN),
        KeyCode::Char('G') | KeyCode::End => screen.move_by(isize::MAX),
        KeyCode::Char('?') => screen.toggle_help(),
        KeyCode::Tab | KeyCode::Char('l') | KeyCode::Right => {
            screen.turn(1);
            return Step::Look;
        }
        KeyCode::BackTab | KeyCode::Char('h') | KeyCode::Left => {
            screen.turn(-1);
            return Step::Look;
        }
        KeyCode::Enter | KeyCode::Char('e') => return screen.selected().map_or(Step::Draw, Step::Explain),
        KeyCode::Char(key) => {
            if let (Some(action), Some(id)) = (Action::of(key), screen.selected()) {
                if !action.is_asked() {
                    return Step::Act(action, id);
                }
                screen.ask(action, id);
            }
        }
        _ => {}
    }
    Step::Draw
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::screen::View, *};

    fn screen() -> Screen {
        let mut screen = Screen::new(View::Running);
        let runs = ["run_1", "run_2", "run_3"].map(|id| json!({ "id": id, "kind": "export", "state": "running" }));
        screen.show(&json!({}), runs.into());
        screen
    }

    fn press(screen: &mut Screen, keys: &str) -> Vec<Step> {
        keys.chars().map(|key| step(screen, KeyEvent::new(KeyCode::Char(key), KeyModifiers::NONE))).collect()
    }

    #[test]
    fn what_stops_or_destroys_a_run_is_done_after_a_yes_only() {
        for (keys, action) in [("S", Action::Suspend), ("C", Action::Cancel), ("D", Action::Delete)] {
            let mut screen = screen();
            assert_eq!(press(&mut screen, keys), [Step::Draw], "{keys} asks");
            assert_eq!(press(&mut screen, "x"), [Step::Draw], "anything else is no");
            assert_eq!(press(&mut screen, "y"), [Step::Draw], "there is no question any more");
            press(&mut screen, keys);
            assert_eq!(press(&mut screen, "y"), [Step::Act(action, "run_1".into())]);
        }
        // The same letters do nothing in lower case.
        assert_eq!(press(&mut screen(), "scdy"), [Step::Draw, Step::Draw, Step::Draw, Step::Draw]);
        assert_eq!(press(&mut screen(), "p"), [Step::Act(Action::Proceed, "run_1".into())]);
    }

    #[test]
    fn j_and_k_move_and_stay_within_the_list() {
        let mut screen = screen();
        press(&mut screen, "jj");
        assert_eq!(screen.selected().as_deref(), Some("run_3"));
        press(&mut screen, "jkg");
        assert_eq!(screen.selected().as_deref(), Some("run_1"));
        press(&mut screen, "kG");
        assert_eq!(screen.selected().as_deref(), Some("run_3"));
        // A run keeps the mark when others come before it.
        let runs = ["run_0", "run_1", "run_2", "run_3"].map(|id| json!({ "id": id }));
        screen.show(&json!({}), runs.into());
        assert_eq!(screen.selected().as_deref(), Some("run_3"));
        screen.show(&json!({}), vec![json!({ "id": "run_1" })]);
        assert_eq!(screen.selected().as_deref(), Some("run_1"));
        screen.show(&json!({}), vec![]);
        assert_eq!((screen.selected(), press(&mut screen, "jC")), (None, vec![Step::Draw, Step::Draw]));
        assert_eq!(press(&mut screen, "l"), [Step::Look]);
        assert_eq!(press(&mut screen, "q"), [Step::Quit]);
    }
}
