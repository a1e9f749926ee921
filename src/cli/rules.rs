//! `rules`: what those who own the rules need: to read them, check them, test them, and see what a change will do.

mod cases;
mod check;
mod coverage;
mod impact;
mod print;
mod show;
mod test;

use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};

/// Look after the rules: read, check and test them, and see what a change will do before it touches a family
#[derive(Debug, Args)]
pub(crate) struct Rules {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The rules as tables: order, sentence, questions read, guidance
    Show(show::Show),
    /// Every defect of forms, rules, services and texts: file, element and how to mend it
    Check(check::Check),
    /// Golden cases: each one's proposal, alerts and services against what it states, with reasons
    Test(test::Test),
    /// The whole space of answers: rules that never fire or always lose, what nobody reads, shares, tipping answers
    Coverage(coverage::Coverage),
    /// Which cases a change of rules moves from which segment to which, and why
    Impact(impact::Impact),
}

/// The languages that texts are in.
#[derive(Debug, Clone, Copy, ValueEnum, PartialEq, Eq)]
enum Language {
    Fi,
    Sv,
    En,
}

impl Language {
    const fn code(self) -> &'static str {
        match self {
            Self::Fi => "fi",
            Self::Sv => "sv",
            Self::En => "en",
        }
    }

    /// The word in this language, of the three.
    const fn of(self, [fi, sv, en]: [&'static str; 3]) -> &'static str {
        match self {
            Self::Fi => fi,
            Self::Sv => sv,
            Self::En => en,
        }
    }
}

impl Rules {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Show(command) => command.run(),
            Command::Check(command) => command.run(),
            Command::Test(command) => command.run(),
            Command::Coverage(command) => command.run(),
            Command::Impact(command) => command.run(),
        }
    }
}
