//! What a chip can hold and how fast it is, each figure with its source.
//!
//! Limits of the network stack live in `lan` with the stack; here are those of the runtime around it.

use trace::Duration;

/// Free heap after boot in bytes: about 45 kB (`docs/behaviour.md` §6.3, node manual). `BoardConfig` may change it.
pub const HEAP_BYTES_DEFAULT: usize = 45_000;

/// Tasks that may wait at each of the three priorities (`docs/behaviour.md` §6.3; `task.h`, `TASK_DEFAULT_QUEUE_LEN`).
pub const TASKS_PER_PRIORITY_MAX: usize = 8;

/// Characters of a console line; a longer line is dropped (`docs/behaviour.md` §6.6; `LUA_MAXINPUT`).
pub const CONSOLE_LINE_MAX: usize = 256;

/// Files that may be open at once (`docs/behaviour.md` §6.4; `SPIFFS_MAX_OPEN_FILES`).
pub const OPEN_FILES_MAX: usize = 4;

/// Bytes of a file's name (`docs/behaviour.md` §6.4; `FS_OBJ_NAME_LEN` less the terminator).
pub const FILE_NAME_BYTES_MAX: usize = 31;

/// Size of the flash chip of a 4 MB module (node manual, `node.flashsize()`).
pub const FLASH_BYTES: u32 = 4 * 1024 * 1024;

/// Bytes the file system can hold: what a 4 MB module leaves to SPIFFS beside the firmware, less the file system's own.
pub const FILE_SYSTEM_BYTES: usize = 3_391_141;

/// Data bytes of one SPIFFS page; files occupy whole pages (256-byte pages with a 5-byte header).
pub const FILE_PAGE_BYTES: usize = 251;

/// From power on to the banner (node manual, `node.startupcounts()`: about 166 ms with the default options).
pub const BOOT_TIME: Duration = Duration::from_millis(166);

/// From `node.restart()` to the reset, time for the radio to shut down.
pub const RESTART_TIME: Duration = Duration::from_millis(20);

/// From the report of an uncaught error to the restart (`docs/behaviour.md` §6.7).
pub const ERROR_RESTART_TIME: Duration = Duration::from_secs(2);

/// Lua may run this long without returning to the system before the software watchdog resets the chip
/// (`docs/behaviour.md` §1.5: roughly 3 s; the SDK feeds it only between tasks).
pub const SOFTWARE_WATCHDOG: Duration = Duration::from_secs(3);

/// Longest interval of a timer, 0x68D7A3 ms (`docs/behaviour.md` §6.1).
pub const TIMER_MS_MAX: u32 = 0x68_D7A3;

/// Virtual time of one VM instruction at 80 MHz, in nanoseconds. The interpreter runs from flash through a 32 kB cache and
/// manages about half a million instructions a second: `for i = 1, 1e6 do end` takes about two seconds.
pub const INSTRUCTION_NS_AT_80_MHZ: u64 = 2_000;

/// Virtual time of one VM instruction at 160 MHz, in nanoseconds.
pub const INSTRUCTION_NS_AT_160_MHZ: u64 = 1_000;

/// Instructions between two looks at the rest of the world: at 80 MHz half a millisecond of virtual time.
pub const INSTRUCTIONS_PER_SLICE: u32 = 256;

/// What entering a callback costs beside its instructions: unwinding the SDK's task, the registry.
pub const CALLBACK_TIME: Duration = Duration::from_micros(20);

/// Received frames that wait while Lua runs; the SDK's receive ring drops what comes beyond.
pub const RECEIVE_RING_FRAMES: usize = 16;

/// Unread console output kept for a slow reader, in bytes; older output goes first.
pub const CONSOLE_BACKLOG_MAX: usize = 1 << 20;

/// Bytes of input that wait for a busy board (the SDK's receive buffer of UART0); more are lost.
pub const UART_RECEIVE_MAX: usize = 256;

/// How often unreachable objects are looked for while userdata exist. The chip collects at every allocation
/// (`docs/behaviour.md` §1.8), so they vanish almost at once; a whole collection at fixed points of virtual time keeps the
/// moment the same in every build.
pub const COLLECTION_INTERVAL: Duration = Duration::from_millis(100);

/// What a callback finds at least, however full the heap is: enough to let go of something.
pub const HEAP_BYTES_LEFT_MIN: usize = 1_000;

/// What lwIP takes from the heap for a TCP connection or listener, beside its buffers (`struct tcp_pcb` and the heap's own
/// header, rounded up).
pub const TCP_BLOCK_BYTES: usize = 200;

/// What lwIP takes from the heap for a UDP socket (`struct udp_pcb`).
pub const UDP_BLOCK_BYTES: usize = 48;

/// What lwIP takes from the heap for a datagram beside its data: `struct pbuf` and room for the headers.
pub const DATAGRAM_BYTES: usize = 80;

/// How many bytes our engine uses for what takes one on the chip: values of 16 bytes instead of 12, pointers of 8 instead
/// of 4, and objects of their own where the firmware packs them. Between two measurements of the heap Lua may allocate so
/// many times what is free.
pub const ENGINE_BYTES_PER_CHIP_BYTE: usize = 2;
