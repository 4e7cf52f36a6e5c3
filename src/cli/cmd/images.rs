//! `hga images`.

use super::super::args::{Global, Images};
use super::super::error::Outcome;
use super::super::printer::Printer;
use super::super::table::table;
use super::super::{exit, words};
use super::Answer;
use crate::domain::Timestamp;
use crate::session::Session;

pub(super) async fn run(verb: &Images, global: &Global, session: &Session, printer: &mut Printer) -> Outcome {
    match verb {
        Images::List { provider } => {
            let images = session.images(*provider).await?;
            if global.json {
                return super::json_lines(printer, &images);
            }
            if images.is_empty() {
                printer
                    .err("no images\n\nhint: `hga bootstrap-linux-dev` makes one; so does the first test run\n")?;
                return Ok(exit::OK);
            }
            let now = Timestamp::now();
            let rows: Vec<[String; 5]> = images
                .iter()
                .map(|image| {
                    [
                        image.name.to_string(),
                        image.provider.to_string(),
                        words::age(image.created, now),
                        words::bytes(image.bytes),
                        image.fingerprint.short().to_owned(),
                    ]
                })
                .collect();
            let heads = ["IMAGE", "PROVIDER", "MADE", "SIZE", "FINGERPRINT"];
            let text = table(heads, &rows, printer.width(), printer.out_paint());
            printer.out(&text)?;
            Ok(exit::OK)
        }
        Images::Remove { name, provider } => {
            let question =
                format!("Remove image {name} ({provider})? The next test run makes it anew, which takes a while.");
            if let Answer::No = super::confirm(printer, global.yes, "removing an image", &question)? {
                printer.err("nothing was removed\n")?;
                return Ok(exit::CANCELLED);
            }
            session.remove_image(*provider, name).await?;
            printer.err(&format!("image {name} is removed\n"))?;
            Ok(exit::OK)
        }
    }
}
