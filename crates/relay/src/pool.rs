//! Buffers for what targets send, used again and again.
//!
//! A buffer goes from a stream to the client's WebSocket, often on another thread, and is free once it is written. Given
//! back to the allocator each time, its pages go back to the system and come again zeroed; that was a fifth of the relay's
//! time on processors in a download.

use std::sync::{Arc, Mutex};

use bytes::Bytes;

/// Buffers of one size. Clones share them.
#[derive(Clone)]
pub(crate) struct Pool {
    free: Arc<Mutex<Vec<Vec<u8>>>>,
    bytes: usize,
    kept_max: usize,
}

/// A buffer that goes back to its pool when the last [`Bytes`] over it is gone.
struct Lent {
    bytes: Vec<u8>,
    pool: Pool,
}

impl Pool {
    /// Buffers of `bytes` each, at most `kept_max` of them kept while nobody needs them.
    pub(crate) fn new(bytes: usize, kept_max: usize) -> Pool {
        Pool { free: Arc::default(), bytes, kept_max }
    }

    /// An empty buffer.
    pub(crate) fn take(&self) -> Vec<u8> {
        let kept = self.free.lock().ok().and_then(|mut free| free.pop());
        kept.unwrap_or_else(|| Vec::with_capacity(self.bytes))
    }

    /// Takes a buffer back.
    pub(crate) fn give(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        if let Ok(mut free) = self.free.lock()
            && free.len() < self.kept_max
        {
            free.push(buffer);
        }
    }

    /// The contents of a buffer. A short one is copied, so that it does not keep the long buffer.
    pub(crate) fn freeze(&self, buffer: Vec<u8>) -> Bytes {
        if buffer.len() < self.bytes / 8 {
            let bytes = Bytes::copy_from_slice(&buffer);
            self.give(buffer);
            return bytes;
        }
        Bytes::from_owner(Lent { bytes: buffer, pool: self.clone() })
    }
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.pool.give(std::mem::take(&mut self.bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_when_its_last_reader_is_done() {
        let pool = Pool::new(1_000, 1);
        let mut buffer = pool.take();
        buffer.extend_from_slice(&[7; 500]);
        let address = buffer.as_ptr();
        let bytes = pool.freeze(buffer);
        let part = bytes.slice(100..200);
        drop(bytes);
        let other = pool.take();
        assert_ne!(other.as_ptr(), address, "still read from");
        assert_eq!(part.as_ref(), [7; 100]);
        drop(part);
        let again = pool.take();
        assert_eq!((again.as_ptr(), again.len()), (address, 0));
    }

    #[test]
    fn no_more_are_kept_than_was_said() {
        let pool = Pool::new(1_000, 2);
        let buffers: Vec<Vec<u8>> = (0..5).map(|_| pool.take()).collect();
        buffers.into_iter().for_each(|buffer| pool.give(buffer));
        assert_eq!(pool.free.lock().unwrap().len(), 2);
    }
}
