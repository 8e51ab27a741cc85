//! One question to one account, from its file to the answer: what a cold start costs.
//!
//! ```text
//! cargo run --release --example make_estate -- aws DIR
//! cargo run --release -p muster-effective --features generate --example ask -- DIR/aws/NUMBER/authorization-details.json who-can
//! ```
//!
//! Questions: `who-can` (`s3:GetObject` on an object), `bucket` (every bucket and object action of one bucket), `excess` (actions by
//! service and level of everybody). Prints how many answers there are and where the time went.

use std::error::Error;
use std::fs;
use std::io::Write;
use std::time::Instant;

use muster_effective::aws::compiled::Compiled;
use muster_effective::aws::generated::{Reading, bucket_actions};
use muster_effective::aws::reference::Reference;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(path), Some(question)) = (arguments.next(), arguments.next()) else {
        return Err("say the file and the question: who-can, bucket or excess".into());
    };
    let mut out = std::io::stdout();
    let mut clock = Instant::now();
    let mut lap = |what: &str| {
        let line = writeln!(out, "{what}: {:.1} ms", clock.elapsed().as_secs_f64() * 1_000.0);
        clock = Instant::now();
        line
    };
    let details = serde_json::from_slice(&fs::read(&path)?)?;
    lap("file")?;
    let mut reading = Reading::default();
    reading.details("100000000000", &details);
    drop(details);
    let estate = reading.finish();
    lap("estate")?;
    let reference = Reference::builtin();
    lap("reference")?;
    let compiled = Compiled::new(&estate, reference);
    lap("compiled")?;
    let (bucket, object) =
        ("arn:aws:s3:::core-prod-100000000000-0", "arn:aws:s3:::core-prod-100000000000-0/reports/2026.csv");
    let answers = match question.as_str() {
        "who-can" => compiled.who_can("s3:GetObject", object).len(),
        "bucket" => bucket_actions(reference)
            .iter()
            .map(|(action, of_object)| compiled.who_can(action, if *of_object { object } else { bucket }).len())
            .sum(),
        "excess" => compiled.actions_of_all(|_, of| of.by_service.len()).into_iter().sum(),
        other => return Err(format!("`{other}` is no question: who-can, bucket or excess").into()),
    };
    lap("question")?;
    writeln!(std::io::stdout(), "{answers} answers")?;
    Ok(())
}
