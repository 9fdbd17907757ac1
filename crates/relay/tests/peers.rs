//! The relay between real programs: a Wisp client that is not ours (wisp-js), a room client that speaks as v86 does, and
//! servers that boards talk to. `wisp-python` has no client to test with; the benchmark speaks to its server.

use std::path::{Path, PathBuf};
use std::time::Duration;

use relay::{NoAssets, Profile, Settings, run};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

fn peers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/peers")
}

/// Whether the programs are there; `cargo xtask test` installs them.
fn installed() -> bool {
    let there = peers().join("node_modules").is_dir() && Path::new("/usr/bin/redis-server").exists();
    if !there {
        println!("skipped: redis-server or tests/peers/node_modules is missing (cargo xtask setup installs them)");
    }
    there
}

async fn relay() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(run(listener, Settings::new(Profile::Local), NoAssets, std::future::pending()));
    port
}

async fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

async fn redis(port: u16) -> Child {
    let port_text = port.to_string();
    let arguments =
        ["--bind", "127.0.0.1", "--port", &port_text, "--save", "", "--appendonly", "no", "--daemonize", "no"];
    let child = Command::new("/usr/bin/redis-server")
        .args(arguments)
        .current_dir(std::env::temp_dir())
        .stdout(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    for _ in 0..200 {
        if TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
            return child;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("redis-server does not listen");
}

#[tokio::test(flavor = "multi_thread")]
async fn wisp_js_reaches_a_real_redis_in_both_versions() {
    if !installed() {
        return;
    }
    let (relay, redis_port) = (relay().await, free_port().await);
    let _redis = redis(redis_port).await;
    for version in ["1", "2"] {
        let output = Command::new("node")
            .arg("redis-over-wisp.mjs")
            .args([&format!("ws://127.0.0.1:{relay}/wisp/"), &redis_port.to_string(), version])
            .current_dir(peers())
            .output()
            .await
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "version {version}: {text}");
        assert!(text.contains(&format!("over Wisp version {version}")), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_of_a_client_that_is_not_ours_cross_a_room() {
    if !installed() {
        return;
    }
    let output = Command::new("node")
        .arg("frames-over-room.mjs")
        .arg(format!("ws://127.0.0.1:{}/room/v86", relay().await))
        .current_dir(peers())
        .output()
        .await
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("both ways"), "{text}");
}
