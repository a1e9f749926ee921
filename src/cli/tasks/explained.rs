//! An explanation as text.

use std::fmt::Write as _;

use tabled::builder::Builder;
use tabled::settings::Style;

use super::explain::{Delivered, Facts, Lived, Next, local};

impl Facts<'_> {
    pub(super) fn text(&self) -> String {
        let (id, version) = (self.task.id, self.task.version);
        let mut text = format!("{id}, version {version}, {}\n", self.task.scope.status);
        for sentence in self.standing() {
            let _ = writeln!(text, "  {sentence}");
        }
        let _ = writeln!(text, "{}", self.lives());
        for next in self.next() {
            offer(&mut text, &next);
        }
        let told = self.notifications();
        if told.is_empty() {
            text.push_str("notified: nobody, or so long ago that it is forgotten");
        } else {
            let _ = write!(text, "notified:\n{}", notified(&told));
        }
        text
    }

    fn lives(&self) -> String {
        let mut rows = Builder::new();
        rows.push_record(["version", "at", "by", "status", "businessStatus", "owner"]);
        for lived in self.life() {
            rows.push_record([
                lived.version.version.to_string(),
                local(lived.version.last_updated),
                lived.by.map(|by| self.open.who(&by.caller)).unwrap_or_default(),
                status(&lived),
                business_status(&lived),
                lived.version.scope.owner.clone(),
            ]);
        }
        rows.build().with(Style::modern_rounded()).to_string()
    }
}

fn status(lived: &Lived<'_>) -> String {
    let now = lived.version.scope.status;
    match lived.before {
        Some(before) if before != now => format!("{before} → {now}"),
        _ => now.to_string(),
    }
}

fn business_status(lived: &Lived<'_>) -> String {
    let code = lived.business_status.clone().unwrap_or_default();
    if lived.attempts > 0 { format!("{code} (attempts: {})", lived.attempts).trim_start().to_owned() } else { code }
}

fn offer(text: &mut String, next: &Next) {
    let callers = if next.callers.is_empty() { "no caller".to_owned() } else { next.callers.join(", ") };
    let _ = write!(text, "next, by its {} {} ({callers}):", next.side.name(), next.who);
    if next.options.list.is_empty() {
        text.push_str(" nothing");
    }
    for option in &next.options.list {
        let _ = write!(text, "\n  {}: {}", option.to.code(), option.what);
        for element in option.elements.iter().filter(|element| element.required && element.path != "Task.status") {
            let _ = write!(text, "; `{}` becomes {}", element.path, element.value);
        }
    }
    text.push('\n');
}

fn notified(told: &[Delivered<'_>]) -> String {
    let mut rows = Builder::new();
    rows.push_record(["Subscription", "caller", "state", "event", "version", "how"]);
    for one in told {
        let (number, version) = (one.event.number.to_string(), one.event.version.to_string());
        rows.push_record([one.to.id.to_string(), one.to.caller.clone(), one.to.status.clone(), number, version, one.how()]);
    }
    rows.build().with(Style::modern_rounded()).to_string()
}
