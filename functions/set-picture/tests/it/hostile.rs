//! Files that try to exhaust memory or time. One process renders a thousand of them, with the memory of the
//! smallest function.
#![expect(clippy::print_stdout, reason = "what the files cost is what this test is run for")]

mod bits;
mod jpeg;
mod png;
mod webp;

use std::{
    collections::BTreeMap,
    io::Cursor,
    process::{Command, Stdio},
    time::Duration,
};

use fastrand::Rng;
use image::{DynamicImage, ImageFormat, RgbaImage};
use rustix::time::{ClockId, clock_gettime};
use stage::{Stage, Tokens, upload::PNG};

use crate::files;

/// Wide, high, thin and large sizes, and some beyond the limits.
const SHAPES: [[u32; 2]; 12] = [
    [1, 40_000],
    [40_000, 1],
    [16_383, 1],
    [1, 16_383],
    [2, 65_500],
    [65_500, 2],
    [65_535, 65_535],
    [3_000, 1],
    [1, 1],
    [100_000, 1],
    [4_000, 3_000],
    [257, 255],
];
const SEED: u64 = 26;
const FILES: usize = 1_000;
/// Limits the address space of the process to 512 MiB.
const LIMITED: &str = "ulimit -v 524288 && exec \"$0\" \"$@\"";
/// The memory that uploads may add to that of the idle process.
const MOST_ADDED: u64 = 256 * MIB;
const MIB: u64 = 1024 * 1024;
/// No file takes half as long on the slowest build machine, without optimization.
const MOST_SECONDS: f64 = 20.0;
/// Set in the process with the limit.
const IS_CHILD: &str = "GATEPOST_HOSTILE_FILES";

/// A name, and a function that creates the file: all files together are larger than the process may be.
type File = (String, Box<dyn Fn() -> Vec<u8>>);

fn file_of(name: String, make: impl Fn() -> Vec<u8> + 'static) -> File {
    (name, Box::new(make))
}

/// Returns valid files, each of which is cut and changed at many places.
fn sound() -> Vec<(&'static str, Vec<u8>)> {
    let noise = RgbaImage::from_fn(90, 60, |x, y| {
        image::Rgba([x, y, x * y % 256, 255 - y].map(|value| u8::try_from(value).expect("small")))
    });
    let noise = DynamicImage::from(noise);
    let written = |picture: DynamicImage, format| {
        let mut file = Cursor::new(Vec::new());
        picture.write_to(&mut file, format).expect("written");
        file.into_inner()
    };
    let lossless = written(noise.clone(), ImageFormat::WebP);
    vec![
        ("png", written(noise.clone(), ImageFormat::Png)),
        ("deep png", written(noise.to_rgba16().into(), ImageFormat::Png)),
        ("jpeg", written(noise.to_rgb8().into(), ImageFormat::Jpeg)),
        ("turned jpeg", files::turned_and_placed()),
        ("animated webp", webp::animated([90, 60], [90, 60], &lossless[12..])),
        ("webp", lossless),
    ]
}

/// Returns all files. They are the same in each run.
fn all() -> Vec<File> {
    let mut rng = Rng::with_seed(SEED);
    let mut files: Vec<_> = [png::files(), webp::files(), jpeg::files()].into_iter().flatten().collect();
    let sound = sound();
    while files.len() < FILES {
        let (name, file) = &sound[files.len() % sound.len()];
        let at = rng.usize(12..file.len());
        let mut changed = file.clone();
        let how = if rng.bool() {
            changed.truncate(at);
            "cut"
        } else {
            changed[at] = rng.u8(..);
            "changed"
        };
        files.push(file_of(format!("{name}, {how} at {at}"), move || changed.clone()));
    }
    files
}

#[test]
fn a_thousand_hostile_files_neither_end_the_process_nor_exceed_its_memory() {
    let name = "hostile::a_thousand_hostile_files_neither_end_the_process_nor_exceed_its_memory";
    if std::env::var_os(IS_CHILD).is_some() {
        return take_all();
    }
    let child = Command::new("sh")
        .args(["-c", LIMITED])
        .arg(std::env::current_exe().expect("a path"))
        .args(["--exact", name, "--nocapture", "--test-threads", "1"])
        .envs([(IS_CHILD, "1"), ("MALLOC_ARENA_MAX", "1")])
        .stderr(Stdio::null())
        .output()
        .expect("a process");
    let said = String::from_utf8_lossy(&child.stdout);
    let last: Vec<_> = said.lines().rev().take(16).collect();
    println!("{}", last.join("\n"));
    assert!(child.status.success(), "{}", child.status);
}

#[tokio::main(flavor = "current_thread")]
async fn take_all() {
    let all = all();
    assert_eq!(all.len(), FILES);
    let stage = Stage::new();
    let mut tokens = signed_in(&stage, 0).await;
    stage.upload(&tokens.access, PNG).await;
    stage.set_picture(&tokens.access).await.expect(200);
    let before = memory("VmRSS:");

    let (mut answers, mut costs) = (BTreeMap::<u16, usize>::new(), Vec::new());
    for (number, (name, make)) in all.into_iter().enumerate() {
        if number % 15 == 14 {
            stage.pass(Duration::from_mins(1));
            tokens = signed_in(&stage, number).await;
        }
        println!("next: {name}");
        stage.upload(&tokens.access, &make()).await;
        let start = cpu_seconds();
        let answer = stage.set_picture(&tokens.access).await;
        costs.push((cpu_seconds() - start, name.clone()));
        assert!(matches!(answer.status, 200 | 422), "{name}: {} {}", answer.status, answer.body);
        assert_eq!(stage.stack.uploads(), Vec::<String>::new(), "{name}");
        *answers.entry(answer.status).or_default() += 1;
    }

    costs.sort_by(|one, other| other.0.total_cmp(&one.0));
    let total: f64 = costs.iter().map(|(seconds, _)| seconds).sum();
    let added = (memory("VmHWM:") - before) / MIB;
    println!("answers: {answers:?}");
    println!("memory: {added} MiB more than before, {} MiB of addresses", memory("VmPeak:") / MIB);
    println!("processor time: {total:.1} s");
    for (seconds, name) in costs.iter().take(8) {
        println!("slowest: {seconds:.2} s {name}");
    }
    assert!(added * MIB <= MOST_ADDED, "{added} MiB");
    assert!(costs[0].0 < MOST_SECONDS, "{:?}", costs[0]);
}

async fn signed_in(stage: &Stage, number: usize) -> Tokens {
    stage.signed_in(&format!("user{number}@example.com")).await
}

/// Reads the current or the highest memory of the process.
fn memory(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect(name);
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kibibytes * 1024
}

/// Reads the processor time of the process.
fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let [seconds, nanos] = [time.tv_sec, time.tv_nsec].map(|part| u32::try_from(part).expect("small"));
    f64::from(seconds) + f64::from(nanos) / 1e9
}
