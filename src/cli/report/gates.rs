//! `--fail-on`: conditions that end the command with a code of their own.

use serde_json::json;

use super::Asking;
use crate::cli::Exit;
use crate::config::units::counted;
use crate::report::{self, Gate};

/// Counts the rows of each gate's report and says which gates fail. As JSON on stdout when nothing else goes there.
///
/// # Errors
/// A database that cannot be read.
pub(super) async fn judge(asking: &mut Asking<'_>, gates: &[Gate], alone: bool) -> anyhow::Result<Exit> {
    let mut judged = Vec::new();
    for gate in gates {
        let (reason, rows) = asking.count(gate.report).await?;
        if let Some(exit) = asking.stopped(reason, 0) {
            return Ok(exit);
        }
        judged.push((gate, rows));
    }
    let failed = judged.iter().filter(|(gate, rows)| gate.fails(*rows)).count();
    for (gate, rows) in &judged {
        let rows_of = format!("{gate} ({})", counted(*rows, "row"));
        if gate.fails(*rows) {
            let name = gate.report.name;
            asking.terminal.error(format_args!("gate failed: {rows_of}; sqrawl report {name} lists them"));
        } else {
            asking.terminal.say(format_args!("gate held: not {rows_of}"));
        }
    }
    if alone && asking.sources.json {
        let gates: Vec<_> = judged
            .iter()
            .map(|(gate, rows)| {
                json!({
                    "gate": gate.to_string(), "report": gate.report.name, "rows": rows, "failed": gate.fails(*rows)
                })
            })
            .collect();
        asking.terminal.data(report::json(&json!({ "failed": failed, "gates": gates }))?.as_bytes())?;
    }
    Ok(if failed > 0 { Exit::Gate } else { Exit::Done })
}
