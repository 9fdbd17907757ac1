//! What each command does, as a list of steps.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::step::{cargo, command, root, run, step, target};
use crate::{budget, docs, needs, site, stamp, tidy, wasm};

/// Builds everything, serves it on this machine and opens a browser if there is one.
///
/// # Errors
/// If a step fails or an argument is unknown.
pub(crate) fn play(arguments: &[String]) -> Result<()> {
    let mut port = String::from("8266");
    let mut opens = true;
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--port" => port = rest.next().context("--port needs a number")?.clone(),
            "--no-open" => opens = false,
            other => bail!("unknown argument `{other}`"),
        }
    }
    let folder = root().join("dist");
    build_playground(&folder)?;
    if let Err(error) = docs::manual(&folder) {
        println!("    left out: {error:#}");
    }
    let url = format!("http://127.0.0.1:{port}/");
    println!("\n    The playground is at {url}   (Ctrl-C stops it)\n");
    if opens && let Some(opener) = ["xdg-open", "open"].into_iter().find(|name| needs::find(name).is_some()) {
        // A machine without a desktop has no browser to open; the address above is enough there.
        let _ =
            command(opener, &[&url]).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn();
    }
    let folder = folder.to_string_lossy().into_owned();
    run(command(
        "npx",
        &["vite", "preview", "--outDir", &folder, "--host", "127.0.0.1", "--port", &port, "--strictPort"],
    )
    .current_dir(root().join("web")))
}

/// Writes the static site.
///
/// # Errors
/// If a step fails.
pub(crate) fn build(arguments: &[String]) -> Result<()> {
    let folder = match arguments {
        [] => root().join("dist"),
        [folder] => std::path::absolute(folder)?,
        _ => bail!("build takes one folder"),
    };
    build_site(&folder)
}

fn build_site(folder: &Path) -> Result<()> {
    build_playground(folder)?;
    docs::manual(folder)
}

fn build_playground(folder: &Path) -> Result<()> {
    wasm::package()?;
    wasm::scripts()?;
    site::build(folder)
}

/// Installs what `play` and `test` need.
///
/// # Errors
/// If something cannot be installed.
pub(crate) fn setup() -> Result<()> {
    step("Find or install the tools of the build and the tests", || {
        needs::node()?;
        needs::tools(needs::TESTS)?;
        needs::wasm_toolchain().map(|toolchain| println!("    wasm32: {}", toolchain.describe()))
    })?;
    site::install_peers()?;
    site::install_python_peers()?;
    site::install_packages()
}

/// Writes the TypeScript declarations of the trace and of the wasm boundary.
///
/// # Errors
/// If they cannot be generated.
pub(crate) fn types() -> Result<()> {
    step("Write the TypeScript declarations of the wasm boundary", export_types)
}

fn export_types() -> Result<()> {
    let features = "trace/typescript,sim/typescript,playground/typescript,relay-protocol/typescript";
    let mut cargo = cargo(&["test", "--quiet", "--lib", "--features", features]);
    cargo.args([
        "--package",
        "trace",
        "--package",
        "sim",
        "--package",
        "playground",
        "--package",
        "relay-protocol",
        "export_bindings",
    ]);
    run(cargo.stdout(std::process::Stdio::null()))?;
    write_index(&root().join("web/src/generated"))
}

/// Writes the file that names all declarations of the folder; each lies in a file of its own name.
fn write_index(folder: &Path) -> Result<()> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if let (Some(name), Some("ts")) = (path.file_stem(), path.extension().and_then(|ending| ending.to_str())) {
            names.push(name.to_string_lossy().into_owned());
        }
    }
    names.retain(|name| name != "index");
    names.sort_unstable();
    let lines: String = names.iter().map(|name| format!("export type {{ {name} }} from \"./{name}\";\n")).collect();
    Ok(std::fs::write(folder.join("index.ts"), lines)?)
}

/// Runs everything that must pass before a change lands.
///
/// # Errors
/// If a step fails; the steps after it are not run.
pub(crate) fn test(arguments: &[String]) -> Result<()> {
    let quick = match arguments {
        [] => false,
        [only] if only == "--quick" => true,
        _ => bail!("test takes --quick or nothing"),
    };
    let begin = Instant::now();
    let mut steps = 0;
    let mut check = |what: &str, work: &mut dyn FnMut() -> Result<()>| {
        steps += 1;
        step(what, work)
    };
    if !quick {
        check("Find or install the tools of the tests", &mut || needs::tools(needs::TESTS))?;
    }
    check("Check the formatting", &mut || run(&mut cargo(&["fmt", "--all", "--check"])))?;
    check("Check the rules that no compiler checks", &mut tidy::check)?;
    check("Lint (clippy, warnings denied)", &mut || {
        run(&mut cargo(&["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"]))
    })?;
    if !quick {
        check("Install the peers of the relay's tests", &mut site::install_peers)?;
        check("Install the Python peers of the relay's tests", &mut site::install_python_peers)?;
    }
    check("Run the unit and case tests", &mut || run(&mut cargo(&["test", "--quiet", "--workspace"])))?;
    if !quick {
        check("Check that the TypeScript declarations are up to date", &mut types_are_current)?;
        let folder = target().join("xtask/site");
        check("Build the wasm module and the site", &mut || build_site(&folder))?;
        check("Check the page's types and run its unit tests", &mut || {
            site::script("check", &[])?;
            site::script("test:unit", &[])
        })?;
        check("Hold the size budgets", &mut || budget::check(&folder))?;
        check("Compare native and wasm runs of every case", &mut || {
            run(&mut command("node", &["tests/determinism.mjs"]))
        })?;
        check("Install the generators that the recipes are for", &mut docs::install_generators)?;
        check("Test the page, the element and the manual in Chromium", &mut || {
            run(&mut cargo(&["build", "--quiet", "--package", "cli"]))?;
            run(command("npm", &["run", "--silent", "test:browser"])
                .current_dir(root().join("web"))
                .env("PLAYGROUND_SITE", &folder)
                .env("PLAYGROUND_TOOLS", docs::tools())
                .env("PLAYGROUND_CLI", target().join("debug/playground")))
        })?;
    }
    println!("\nall steps passed in {:.0} s", begin.elapsed().as_secs_f64());
    println!("{steps} passed, 0 failed");
    Ok(())
}

fn types_are_current() -> Result<()> {
    let folder = root().join("web/src/generated");
    let before = contents(&folder)?;
    export_types()?;
    if contents(&folder)? != before {
        bail!("the declarations in web/src/generated were not up to date; they are now: commit them");
    }
    Ok(())
}

fn contents(folder: &Path) -> Result<Vec<(PathBuf, Vec<u8>)>> {
    let files = if folder.exists() { stamp::files_below(folder)? } else { Vec::new() };
    files.into_iter().map(|file| Ok((file.clone(), std::fs::read(file)?))).collect()
}

/// Runs the benchmarks whose names were given, or all.
///
/// # Errors
/// If one fails.
pub(crate) fn bench(arguments: &[String]) -> Result<()> {
    let wanted = |name: &str| arguments.is_empty() || arguments.iter().any(|argument| argument == name);
    step("Find or install the tools of the benchmarks", || {
        needs::tools(needs::TESTS)?;
        needs::tools(needs::BENCHMARKS)
    })?;
    if wanted("lua") || wanted("lua-native") {
        step("Benchmark Lua engines natively", || run(&mut cargo(&["bench", "--quiet", "--package", "lua-bench"])))?;
    }
    if wanted("lua") || wanted("lua-browser") {
        bench_lua_in_browser()?;
    }
    if wanted("sim") || wanted("sim-native") {
        step("Benchmark the network and labs natively", || {
            run(&mut cargo(&["bench", "--quiet", "--package", "sim-bench"]))
        })?;
    }
    if wanted("sim") || wanted("sim-browser") {
        bench_sim_in_browser()?;
    }
    if wanted("relay") {
        site::install_python_peers()?;
        site::install_peers()?;
        step("Benchmark the relay", || run(&mut cargo(&["bench", "--quiet", "--package", "relay"])))?;
    }
    if wanted("page") {
        build_site(&root().join("dist"))?;
        step("Benchmark the page in Chromium", || site::script("bench", &["../tests/web"]))?;
    }
    if wanted("embed") {
        let folder = root().join("dist");
        build_site(&folder)?;
        docs::install_generators()?;
        step("Benchmark a page with twenty elements in Chromium", || {
            run(command("npm", &["run", "--silent", "bench", "--", "../tests/embed"])
                .current_dir(root().join("web"))
                .env("PLAYGROUND_SITE", &folder)
                .env("PLAYGROUND_TOOLS", docs::tools()))
        })?;
    }
    Ok(())
}

/// Compares our Lua engine with others in one page.
fn bench_lua_in_browser() -> Result<()> {
    site::install_lua_engines()?;
    let engines = target().join("xtask/lua-engines");
    wasm::lua_engines(&engines)?;
    step("Benchmark Lua engines in Chromium", || {
        let script = root().join(site::LUA_BENCH).join("run.mjs");
        run(command("node", &[]).arg(script).arg(&engines))
    })
}

/// Measures the network and labs in a page. The Lua engines' benchmark has the driver of the browser.
fn bench_sim_in_browser() -> Result<()> {
    site::install_lua_engines()?;
    let folder = target().join("xtask/sim-bench");
    wasm::sim_bench(&folder)?;
    step("Benchmark the network and labs in Chromium", || {
        run(command("node", &[]).arg(root().join("crates/sim-bench/browser/run.mjs")).arg(&folder))
    })
}
