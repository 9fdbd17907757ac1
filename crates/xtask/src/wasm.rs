//! `pkg/`: the wasm module, its JavaScript glue and types, as an npm package.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use wasm_bindgen_cli_support::Bindgen;

use crate::site;
use crate::split;
use crate::stamp::{Stamp, files_below};
use crate::step::{command, output, root, run, step, target};
use crate::{needs, tidy};

/// Name of the module's files: `playground.js`, `playground_bg.wasm`, `playground.d.ts`.
const MODULE: &str = "playground";

/// The two halves of the module, beside the undivided one.
const FIRST: &str = "playground_first.wasm";
const REST: &str = "playground_rest.wasm";

/// Builds `pkg/` from `crates/playground`, unless it is up to date.
///
/// # Errors
/// If a tool is missing or a step fails.
pub(crate) fn package() -> Result<()> {
    tidy::wasm_bindgen_versions_agree()?;
    let module = step("Compile the playground to WebAssembly", || compile("playground", &[]))?;
    let package = root().join("pkg");
    let script = fs::read_to_string(root().join("web/package.json")).context("web/package.json")?;
    let declarations = root().join("web/src/generated");
    let mut inputs = vec![module.clone(), declarations.clone()];
    inputs
        .extend(["crates/xtask/src/wasm.rs", "crates/xtask/src/split.rs", "web/profile"].map(|path| root().join(path)));
    let stamp = Stamp::new("pkg", &inputs, &script)?;
    let outputs = [package.join(format!("{MODULE}_bg.wasm")), package.join(FIRST), package.join("package.json")];
    if stamp.is_current(&outputs.each_ref().map(PathBuf::as_path)) {
        println!("==> pkg/ is up to date");
        return Ok(());
    }
    step("Generate the JavaScript glue (wasm-bindgen)", || glue(&module, &package, MODULE))?;
    step("Optimise the module (wasm-opt)", || optimise(&outputs[0]))?;
    step("Split off what the first run does not need", || divide(&outputs[0]))?;
    copy_declarations(&declarations, &package.join("types"))?;
    fs::write(package.join("package.json"), manifest()?)?;
    fs::write(package.join("README.md"), include_str!("pkg-readme.md"))?;
    fs::copy(root().join("LICENSE"), package.join("LICENSE"))?;
    stamp.keep()
}

/// Builds the part of the package that is written in TypeScript, into the `pkg/` that [`package`] has made, unless it is up to date.
///
/// # Errors
/// If a step fails.
pub(crate) fn scripts() -> Result<()> {
    site::install_packages()?;
    let package = root().join("pkg");
    let sources = ["web/src", "web/build", "web/vite.package.ts", "web/tsconfig.package.json", "web/package-lock.json"];
    let built = [&format!("{MODULE}.js"), FIRST, REST, "package.json"].map(|name| package.join(name));
    let inputs: Vec<PathBuf> = sources.iter().map(|name| root().join(name)).chain(built).collect();
    let stamp = Stamp::new("pkg-scripts", &inputs, "")?;
    let outputs = ["element.js", "lab.js", "node.js", "embed.js", "declarations/package/element.d.ts"];
    if stamp.is_current(&outputs.map(|name| package.join(name)).each_ref().map(PathBuf::as_path)) {
        return Ok(());
    }
    step("Build the package's element and helpers", || site::script("build:package", &[]))?;
    stamp.keep()
}

/// Builds the Lua engines of the benchmark into `folder`, each as a module of its own: ours is `own`, piccolo's `piccolo_vm`.
///
/// # Errors
/// If a tool is missing or a step fails.
pub(crate) fn lua_engines(folder: &Path) -> Result<()> {
    for (name, feature) in [("own", "own"), ("piccolo_vm", "piccolo-vm")] {
        step(&format!("Compile the Lua engine `{name}` to WebAssembly"), || {
            let module = compile("lua-bench", &["--no-default-features", "--features", feature])?;
            glue(&module, folder, name)?;
            optimise(&folder.join(format!("{name}_bg.wasm")))
        })?;
    }
    Ok(())
}

/// Builds the benchmark of the network and of labs into `folder`, as the module `sim_bench`.
///
/// # Errors
/// If a tool is missing or a step fails.
pub(crate) fn sim_bench(folder: &Path) -> Result<()> {
    step("Compile the benchmark of labs to WebAssembly", || {
        let module = compile("sim-bench", &[])?;
        glue(&module, folder, "sim_bench")?;
        optimise(&folder.join("sim_bench_bg.wasm"))
    })
}

/// Compiles a package in the profile that the page ships, and gives the module's path.
fn compile(package: &str, options: &[&str]) -> Result<PathBuf> {
    let toolchain = needs::wasm_toolchain()?;
    println!("    with {}", toolchain.describe());
    // A folder of its own: another compiler's proc macros and build scripts would evict the native ones.
    let folder = target().join("wasm");
    let mut cargo = toolchain.cargo();
    cargo
        .args(["build", "--quiet", "--package", package, "--lib", "--profile", "wasm"])
        .args(options)
        .args(["--target", "wasm32-unknown-unknown"])
        .env("CARGO_TARGET_DIR", &folder);
    run(&mut cargo)?;
    Ok(folder.join("wasm32-unknown-unknown/wasm").join(format!("{}.wasm", package.replace('-', "_"))))
}

fn glue(module: &Path, package: &Path, name: &str) -> Result<()> {
    fs::create_dir_all(package)?;
    let mut bindgen = Bindgen::new();
    bindgen.input_path(module).out_name(name).typescript(true).web(true)?;
    bindgen.generate(package)
}

/// The generated declarations import the types of the boundary from `./types`.
fn copy_declarations(from: &Path, to: &Path) -> Result<()> {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    fs::create_dir_all(to)?;
    for file in files_below(from)? {
        fs::copy(&file, to.join(file.file_name().unwrap_or_default()))?;
    }
    Ok(())
}

/// Makes the module small. A function with one caller stays a function unless it is tiny: what is inlined cannot be split off.
fn optimise(module: &Path) -> Result<()> {
    site::install_packages()?;
    let tool = root().join("web/node_modules/.bin/wasm-opt");
    if !tool.exists() {
        bail!("wasm-opt is missing: `binaryen` should be among the development packages of web/package.json");
    }
    let module = module.to_string_lossy().into_owned();
    let size = ["-Os", "--one-caller-inline-max-function-size=40", "--strip-debug", "--strip-producers"];
    let features = ["--enable-bulk-memory", "--enable-nontrapping-float-to-int", "--enable-sign-ext"];
    let more = ["--enable-mutable-globals", "--enable-reference-types", "--enable-multivalue"];
    run(command(tool, &[&module, "-o", &module]).args(size).args(features).args(more))
}

/// Writes the two halves of `module` beside it: what the first run of a lab calls, and what it does not.
fn divide(module: &Path) -> Result<()> {
    let bytes = fs::read(module)?;
    let folder = target().join("xtask/profile");
    fs::create_dir_all(&folder)?;
    let instrumented = folder.join("instrumented.wasm");
    fs::write(&instrumented, split::instrument(&bytes)?)?;
    site::script("profile", &["--outDir", &folder.to_string_lossy(), "--logLevel", "warn"])?;
    let called = output(command("node", &["first-run.mjs", &instrumented.to_string_lossy()]).current_dir(&folder))?;
    let seen =
        called.lines().map(str::parse).collect::<Result<HashSet<usize>, _>>().context("the profile's numbers")?;
    let halves = split::split(&bytes, &seen)?;
    fs::write(module.with_file_name(FIRST), &halves.first)?;
    fs::write(module.with_file_name(REST), &halves.rest)?;
    println!("    {} bytes first, {} later", halves.first.len(), halves.rest.len());
    Ok(())
}

/// The npm package's description. Its version is the workspace's.
fn manifest() -> Result<String> {
    let version = tidy::workspace_value("version")?;
    Ok(format!(
        r##"{{
  "name": "nodemcu-net-playground",
  "version": "{version}",
  "description": "NodeMCU's Lua net module on a virtual LAN: engine and custom element, for bundlers, pages and Node",
  "license": "MIT",
  "type": "module",
  "exports": {{
    ".": {{ "types": "./playground.d.ts", "node": "./node.js", "default": "./playground.js" }},
    "./element": {{ "types": "./declarations/package/element.d.ts", "default": "./element.js" }},
    "./lab": {{ "types": "./declarations/package/lab.d.ts", "default": "./lab.js" }},
    "./vitepress": {{ "types": "./declarations/package/vitepress.d.ts", "default": "./vitepress.js" }},
    "./embed.js": "./embed.js",
    "./playground_bg.wasm": "./playground_bg.wasm",
    "./playground_first.wasm": "./playground_first.wasm",
    "./playground_rest.wasm": "./playground_rest.wasm"
  }},
  "imports": {{
    "#glue": {{ "node": "./node.js", "default": "./playground.js" }}
  }},
  "types": "./playground.d.ts",
  "files": ["*.js", "*.d.ts", "*.wasm", "chunks", "declarations", "embed", "types", "README.md", "LICENSE"],
  "sideEffects": ["./element.js", "./embed.js", "./embed/*.js"]
}}
"##
    ))
}
