//! The longer help texts: examples, and topics such as the exit codes.

use super::exit;
use std::fmt::Write as _;

pub(super) const TOP: &str = "\
Without a command, on a terminal, hga opens its dashboard.

Examples:
  hga demo                         see it work, with nothing but this computer
  hga run-tests-linux test-add.t   run one test of the repository you are in
  hga run-tests-linux -j4          run all of them; -j4 goes to run-tests.py
  hga jobs list                    what ran, what runs
  hga jobs attach j-abc234         follow a job again

A machine ends with its job, and by itself when its lease runs out.
Exit codes: `hga help exit-codes`. Settings: `hga config --sample`.";

pub(super) const DEMO: &str = "\
The first time it fetches Mercurial's source with pip and makes an image,
which takes a minute or two; after that the first test starts within seconds.
Needs python3 with venv. On a terminal the dashboard opens; with --no-tui, or
without a terminal, lines are printed. The exit status is the tests'.

Examples:
  hga demo
  hga demo --no-tui
  hga demo test-add.t test-commit.t
  hga demo --json";

pub(super) const RUN_TESTS: &str = "\
The options above are recognised anywhere before a `--`. Everything else is
passed on to run-tests.py in the order it stands, so `--` is needed only for
flags that both have: --json, --color, --verbose, --help. The short -v and -y
are passed on too: write --verbose and --yes for ours.

Examples:
  hga run-tests-linux                  all tests of the repository you are in
  hga run-tests-linux -j4 test-add.t   one flag and one test for run-tests.py
  hga run-tests-linux --filesystem tmpfs --pure test-add.t
  hga run-tests-linux --source ~/hg --rev 7.2 --detach
  hga run-tests-linux --provider hosts --machine build1 --keep-on-failure
  hga run-tests-linux --provider aws --build-image -- -j36
  hga run-tests-linux --provider aws --dry-run -- -j36
  hga run-tests-linux --provider aws --instance-type c5.4xlarge,m5.4xlarge
  hga run-tests-linux -- --json --color never test-add.t

The exit status is that of the tests: 0 when all passed, 1 when some failed;
all codes: `hga help exit-codes`. A first Ctrl-C detaches after 3 seconds: the
tests go on. A second one stops them and ends the machine.";

pub(super) const IMAGE_TYPE: &str = "\
Type of the machine it is made on, and with commas others to take where there is no capacity for it \
[default: t3.2xlarge, or what config.toml says]";

pub(super) const BOOTSTRAP: &str = "\
On this computer `hga run-tests-linux` does this by itself when it is needed;
for EC2 it does with --build-image. An EC2 image is made on a machine of its
own. It counts once the machine conforms to the interface and tests have passed
on it; until then the last good one stays. Then the newest two of each kind are
kept (`aws.keep_images`), and whatever a machine still uses.

Examples:
  hga bootstrap-linux-dev
  hga bootstrap-linux-dev --source ~/hg --rebuild
  hga bootstrap-linux-dev --provider aws --distros debian12
  hga bootstrap-linux-dev --provider aws --distros all --parallel
  hga bootstrap-linux-dev --provider aws --distros debian13 --on-error keep";

pub(super) const LAUNCH: &str = "\
Examples:
  hga machines launch
  hga machines launch --lease 30m
  hga machines launch --provider aws --distro debian12 --lease 4h
  hga machines launch --provider aws --instance-type c6i.4xlarge --dry-run";

pub(super) const EXTEND: &str = "\
An EC2 machine is told itself, for it ends itself; then the tag that others
see is set. While a job works on a machine, the job renews its lease.

Examples:
  hga machines extend m-abc234 --by 1h
  hga machines extend i-0123456789abcdef0 --lease 30m";

pub(super) const TERMINATE: &str = "\
Shows the plan and asks, unless --yes is given. Jobs that use the machines lose
them. Nothing is touched that is not provably ours.

Examples:
  hga machines terminate m-abc234
  hga machines terminate i-0123456789abcdef0 --wait
  hga machines terminate --all --yes";

pub(super) const SWEEP: &str = "\
What is ours is known by our tags and by the predecessor's names; the plan says
for each thing by what, and what is left alone and why. A tag `hg-keep-until`
with a date keeps a thing. Of other owners (tag `hg-owner`) nothing is touched
unless --owner or --all-owners says so.

Exit status: 0 done, 106 nothing to do, 104 something remains or could not be
looked at, 103 not confirmed; all codes: `hga help exit-codes`.

Examples:
  hga terminate-ec2-instances --dry-run
  hga terminate-ec2-instances --all-regions --yes --wait
  hga purge-ec2-resources --plan purge.json
  hga purge-ec2-resources --apply purge.json";

pub(super) const CHECK: &str = "\
The first time, the machine's host key is unknown: its fingerprint is shown
and, if you confirm it, pinned. Exit status 0 means that nothing is missing.

Examples:
  hga machines check build1
  hga machines check build1 --pin SHA256:n5R0jTDrmUYzH0rGhNdSmmo5Qk1HB...";

pub(super) const OUTPUT: &str = "\
Examples:
  hga jobs output j-abc234
  hga jobs output j-abc234 --follow
  hga jobs output j-abc234 > output.txt";

pub(super) const ATTACH: &str = "\
Ctrl-C leaves again. If this process drives the job, the first Ctrl-C detaches
after 3 seconds and a second one stops the job.

Examples:
  hga jobs attach j-abc234
  hga jobs attach j-abc234 --output";

pub(super) const CANCEL: &str = "\
Asks first, unless --yes is given.

Examples:
  hga jobs cancel j-abc234
  hga jobs cancel j-abc234 --kill --yes";

pub(super) const COSTS: &str = "\
What is counted: each machine while it runs, its public addresses and volumes,
and stored images. AWS charges machines by the second, a minute at least. What
has ended stays in the ledger. First AWS is asked which machines still run.

Each amount says how its price is known. A price that is unknown is never
counted as nothing: the amount is `unknown`, or begins with `≥`. Snapshots are
counted whole, which is the most they can be. Not included are data sent out to
the internet, credits of burstable types (t3), taxes, discounts, free tiers.

Exit status: 0 all was looked at, 100 something could not be.

Examples:
  hga costs
  hga costs --month 2026-10 --by job
  hga costs --last 7d --by day
  hga costs --from 2026-11-01 --to 2026-11-15 --by owner
  hga costs --all --by month --csv > costs.csv
  hga costs --json | jq -r .total.total";

pub(super) const PRICES_LIST: &str = "\
Asks nobody. A price is a bundled estimate, which came with hga; a list price,
which AWS's price list told when it was asked; or one of the Spot market, of
the cheapest zone. Regions are those of --aws-region; with --all-regions those
that there are bundled prices of.

Examples:
  hga prices list
  hga prices list c5.9xlarge c7i.8xlarge --aws-region us-east-1,eu-west-1
  hga prices list --json | jq -r 'select(.item == \"machine\") | .usd'";

pub(super) const PRICES_REFRESH: &str = "\
Asks for the types that hga knows, that config.toml names and that run, in the
regions of --aws-region, or where machines are launched if it is not given, and
wherever any run; with --all-regions also in those of the bundled prices. The
answer is kept in prices.json in the state directory: of what AWS does not
answer, the last answer stays. What launches on EC2 asks once a day by itself.

Needs pricing:GetProducts and, for Spot, ec2:DescribeSpotPriceHistory. Exit
status: 0 all was answered, 100 something was not.

Examples:
  hga prices refresh
  hga prices refresh --aws-region us-west-2,eu-west-1";

pub(super) const PRICES_CHECK: &str = "\
Asks for every bundled price, or with --aws-region for those of these regions,
and keeps nothing. A line tells of each that differs or that the list does not
have. Data transfer and surplus processors are not asked for.

Exit status: 0 all agree, 1 some differ or are not in the list, 100 none that
was asked for differs but not all could be asked for or had a price for answer.

Examples:
  hga prices check
  hga prices check --aws-region us-east-1 --json";

pub(super) const SSH: &str = "\
Examples:
  hga ssh m-abc234
  hga ssh build1 -- uname -a
  tar c src | hga ssh build1 -- tar x -C /hgwork";

pub(super) const DOCTOR: &str = "\
Looks at this computer, then at AWS if it is set up: who you are there, the
clock, the regions, what you may do (what ends something is tried as a dry
run, on things that are not there), groups of ours that are open to the world,
machines of ours without a lease. Changes nothing; takes 10 seconds at most for
AWS. Exit status: 0 nothing is missing, 100 something is.

The policy of --iam lets hga end every machine and remove every group, volume,
image and snapshot of the account: those of the predecessor carry no tag that
a policy could ask for. Key pairs, roles and profiles are limited to hg-*.

Examples:
  hga doctor
  hga doctor --aws-region us-east-1,eu-central-1
  hga doctor --json | jq 'select(.outcome == \"missing\")'
  hga doctor --iam > hga-policy.json";

pub(super) const CONFIG: &str = "\
Examples:
  hga config
  hga config --sample > ~/.hgautomation/config.toml
  hga config --path";

pub(super) const COMPLETIONS: &str = "\
Examples:
  hga completions bash > ~/.local/share/bash-completion/completions/hga
  hga completions zsh > ~/.zfunc/_hga
  hga completions fish > ~/.config/fish/completions/hga.fish";

pub(super) const MAN: &str = "\
Examples:
  hga man | man -l -
  hga man --dir ~/.local/share/man/man1";

/// All of them, for the tests that hold them to the terminal's width and to the parser.
#[cfg(test)]
pub(super) const ALL: [&str; 21] = [
    TOP,
    DEMO,
    RUN_TESTS,
    BOOTSTRAP,
    LAUNCH,
    EXTEND,
    TERMINATE,
    SWEEP,
    CHECK,
    OUTPUT,
    ATTACH,
    CANCEL,
    COSTS,
    PRICES_LIST,
    PRICES_REFRESH,
    PRICES_CHECK,
    SSH,
    DOCTOR,
    CONFIG,
    COMPLETIONS,
    MAN,
];

/// What `hga help exit-codes` prints.
pub(super) fn exit_codes() -> String {
    let mut text = String::from("Exit codes of hga, the same for every command:\n\n");
    for (code, meaning) in exit::TABLE {
        // writing to a String cannot fail
        let _ = writeln!(text, "  {code:<5} {}", fill(meaning, 70, "        "));
    }
    text.push_str("\n`hga ssh` passes on the exit status of what ran there.\n");
    text
}

/// Breaks a paragraph into lines of at most `width`, all but the first behind `indent`.
fn fill(text: &str, width: usize, indent: &str) -> String {
    let mut filled = String::new();
    let mut line = 0;
    for word in text.split_whitespace() {
        let wide = word.chars().count();
        if line > 0 && line + 1 + wide > width {
            filled.push('\n');
            filled.push_str(indent);
            line = 0;
        } else if line > 0 {
            filled.push(' ');
            line += 1;
        }
        filled.push_str(word);
        line += wide;
    }
    filled
}
