//! GitHub's GraphQL schema as GitHub publishes it (npm, `@octokit/graphql-schema`): what is wrong with a query.

use std::process::{Command, Stdio};

use crate::node::{NodeError, node, script};

/// What the schema says against a query, a line each; empty when it is sound.
///
/// # Errors
/// [`NodeError`], with the lines that install what is missing.
pub fn problems(query: &str) -> Result<Vec<String>, NodeError> {
    let package = "@octokit/graphql-schema";
    let module = script(package, "index.js")?;
    let run = |source| NodeError::Run { what: package.to_owned(), source };
    let code = format!(
        "import {{ validate }} from {:?}; for (const it of validate(process.argv[1])) console.log(it.message);",
        module.display().to_string()
    );
    let told = Command::new(node()?)
        .args(["--input-type=module", "--eval", &code, "--", query])
        .stdin(Stdio::null())
        .output()
        .map_err(run)?;
    if !told.status.success() {
        let told = String::from_utf8_lossy(&told.stderr).into_owned();
        return Err(NodeError::NotStarted { what: package.to_owned(), told });
    }
    Ok(String::from_utf8_lossy(&told.stdout).lines().map(str::to_owned).collect())
}
