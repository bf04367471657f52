// SPDX-License-Identifier: Apache-2.0
// A consumer in Rust, with rustc alone:
//   rustc -O examples/client.rs -L LIBRARY_FOLDER && ./client RING
use std::ffi::{c_char, c_int, c_void, CStr, CString};
use std::ptr;

#[repr(C)]
struct Message {
    data: *const u8,
    size: usize,
    sequence: u64,
    lost: u64,
    deliveries: u32,
    source: u32,
    reserved: [u64; 3],
}

#[repr(C)]
struct ConsumerOptions {
    size: usize, // the library takes zeros for the members that follow these in the header
    start_value: u64,
    open_timeout_ns: i64,
}

#[link(name = "millrace")]
extern "C" {
    fn millrace_consumer_open(
        name: *const c_char,
        delivery: u32,
        options: *const ConsumerOptions,
        out: *mut *mut c_void,
    ) -> c_int;
    fn millrace_next(consumer: *mut c_void, out: *mut Message, timeout_ns: i64) -> u8;
    fn millrace_consumer_status(consumer: *const c_void) -> c_int;
    fn millrace_consumer_free(consumer: *mut c_void);
    fn millrace_error_text() -> *const c_char;
}

const LOSSLESS: u32 = 1;
const FOREVER: i64 = i64::MAX;

fn error_text() -> String {
    unsafe { CStr::from_ptr(millrace_error_text()).to_string_lossy().into_owned() }
}

fn main() {
    let ring = std::env::args().nth(1).expect("usage: client RING");
    let name = CString::new(ring).expect("a name without a zero byte");
    let options = ConsumerOptions {
        size: std::mem::size_of::<ConsumerOptions>(),
        start_value: 0,
        open_timeout_ns: FOREVER,
    };
    let mut consumer = ptr::null_mut();
    unsafe {
        if millrace_consumer_open(name.as_ptr(), LOSSLESS, &options, &mut consumer) != 0 {
            panic!("{}", error_text());
        }
        let mut message = std::mem::zeroed::<Message>();
        while millrace_next(consumer, &mut message, FOREVER) == 0 {
            let bytes = std::slice::from_raw_parts(message.data, message.size);
            println!("{}: {}", message.sequence, String::from_utf8_lossy(bytes));
        }
        millrace_consumer_status(consumer);
        eprintln!("{}", error_text());
        millrace_consumer_free(consumer);
    }
}
