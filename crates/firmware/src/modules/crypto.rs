//! `crypto`: hashes, keyed hashes and AES (crypto manual). The algorithms are RustCrypto's.
//!
//! A cipher's last block is filled with zero bytes, and deciphering leaves them: as in the firmware.

use std::cell::RefCell;

use aes::Aes128;
use aes::cipher::{BlockDecrypt, BlockEncrypt, KeyInit, generic_array::GenericArray};
use hmac::{Mac, SimpleHmac};
use lua::native::{Answer, Call};
use lua::rom;
use sha1::Digest;
use sha1::digest::{FixedOutputReset, core_api::BlockSizeUser};

use super::{encoder, file};
use crate::chip::Chip;
use crate::module::{Member, Module, ObjectType, function};

const ALGORITHM: (&str, &str) = ("algorithm", "MD2, MD5, SHA1, SHA256, SHA384 or SHA512, in any case");
const CIPHER: &[(&str, &str)] = &[
    ("algorithm", "AES-ECB or AES-CBC"),
    ("key", "16 bytes"),
    ("data", "any bytes"),
    ("iv", "16 bytes for AES-CBC; zeros unless given"),
];

/// The module.
pub(crate) const MODULE: Module = Module {
    name: "crypto",
    doc: "Hashes, keyed hashes and ciphers.",
    members: &[
        function("hash", "(algorithm, data): bytes", hash, "The hash of a string.")
            .parameters(&[ALGORITHM, ("data", "any bytes")])
            .quiet(),
        function("fhash", "(algorithm, name): bytes", file_hash, "The hash of a file.")
            .parameters(&[ALGORITHM, ("name", "the file's name")]),
        function("hmac", "(algorithm, data, key): bytes", hmac_of, "The keyed hash of a string.")
            .parameters(&[ALGORITHM, ("data", "any bytes"), ("key", "any bytes")])
            .quiet(),
        function("new_hash", "(algorithm): hash", new_hash, "A hash that gets its data piece by piece.")
            .parameters(&[ALGORITHM])
            .quiet(),
        function("new_hmac", "(algorithm, key): hash", new_hmac, "A keyed hash that gets its data piece by piece.")
            .parameters(&[ALGORITHM, ("key", "any bytes")])
            .quiet(),
        function("sha1", "(data): bytes", sha1_of, "The SHA1 hash of a string.").quiet(),
        function("mask", "(data, mask): bytes", mask, "Data with each byte turned by one of the mask.")
            .parameters(&[("data", "any bytes"), ("mask", "repeated as needed")])
            .quiet(),
        function("encrypt", "(algorithm, key, data, [iv]): bytes", encrypt, "Enciphers data.")
            .parameters(CIPHER)
            .quiet(),
        function("decrypt", "(algorithm, key, data, [iv]): bytes", decrypt, "Deciphers data.")
            .parameters(CIPHER)
            .quiet(),
        function("toHex", "(data): text", encoder::to_hex, "Bytes as hexadecimal digits.")
            .removed("encoder.toHex")
            .quiet(),
        function("toBase64", "(data): text", encoder::to_base64, "Bytes as base64.")
            .removed("encoder.toBase64")
            .quiet(),
    ],
    types: &[ObjectType {
        name: "crypto.hash",
        manual_name: "hashobj",
        doc: "A hash under way, from crypto.new_hash() or crypto.new_hmac().",
        methods: METHODS,
    }],
};

const METHODS: &[Member] = &[
    function("update", "(data)", update, "Takes more data in.").parameters(&[("data", "any bytes")]).quiet(),
    function("finalize", "(): bytes", finalize, "The hash of all data.").quiet(),
];

/// A hash or keyed hash under way.
trait Hasher {
    fn update(&mut self, data: &[u8]);
    /// The hash; starts afresh.
    fn finish(&mut self) -> Vec<u8>;
}

struct Plain<D>(D);

impl<D: Digest + FixedOutputReset> Hasher for Plain<D> {
    fn update(&mut self, data: &[u8]) {
        Digest::update(&mut self.0, data);
    }

    fn finish(&mut self) -> Vec<u8> {
        self.0.finalize_reset().to_vec()
    }
}

struct Keyed<M>(M);

impl<M: Mac + FixedOutputReset> Hasher for Keyed<M> {
    fn update(&mut self, data: &[u8]) {
        Mac::update(&mut self.0, data);
    }

    fn finish(&mut self) -> Vec<u8> {
        FixedOutputReset::finalize_fixed_reset(&mut self.0).to_vec()
    }
}

/// The hasher of an algorithm, keyed if there is a key.
fn hasher(algorithm: &[u8], key: Option<&[u8]>) -> Option<Box<dyn Hasher>> {
    match algorithm.to_ascii_uppercase().as_slice() {
        b"MD2" => Some(hasher_of::<md2::Md2>(key)),
        b"MD5" => Some(hasher_of::<md5::Md5>(key)),
        b"SHA1" => Some(hasher_of::<sha1::Sha1>(key)),
        b"SHA256" => Some(hasher_of::<sha2::Sha256>(key)),
        b"SHA384" => Some(hasher_of::<sha2::Sha384>(key)),
        b"SHA512" => Some(hasher_of::<sha2::Sha512>(key)),
        _ => None,
    }
}

fn hasher_of<D>(key: Option<&[u8]>) -> Box<dyn Hasher>
where
    D: Digest + FixedOutputReset + BlockSizeUser + Clone + 'static,
{
    match key {
        Some(key) => Box::new(Keyed(
            <SimpleHmac<D> as Mac>::new_from_slice(key).expect("a keyed hash takes keys of every length"),
        )),
        None => Box::new(Plain(D::new())),
    }
}

fn check_hasher<'gc>(call: &Call<'gc, '_>, key: Option<&[u8]>) -> Result<Box<dyn Hasher>, lua::Error<'gc>> {
    let algorithm = call.check_string(1)?;
    hasher(algorithm.as_bytes(), key).ok_or_else(|| call.error("unknown hash mech"))
}

fn hash<'gc>(_: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let mut hasher = check_hasher(&call, None)?;
    hasher.update(call.check_string(2)?.as_bytes());
    Ok(call.one(call.string(&hasher.finish())))
}

fn file_hash<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let mut hasher = check_hasher(&call, None)?;
    let name = call.check_string(2)?;
    match file::read_whole(chip, name.as_bytes()) {
        Some(content) => {
            hasher.update(&content);
            Ok(call.one(call.string(&hasher.finish())))
        }
        None => Err(call.error("file does not exist")),
    }
}

fn hmac_of<'gc>(_: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    check_hasher(&call, None)?;
    let data = call.check_string(2)?;
    let key = call.check_string(3)?;
    let mut hasher = check_hasher(&call, Some(key.as_bytes()))?;
    hasher.update(data.as_bytes());
    Ok(call.one(call.string(&hasher.finish())))
}

fn new_hash<'gc>(_: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let hasher = check_hasher(&call, None)?;
    Ok(call.one(rom::object(call.ctx(), "crypto.hash", RefCell::new(hasher))))
}

fn new_hmac<'gc>(_: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    check_hasher(&call, None)?;
    let key = call.check_string(2)?;
    let hasher = check_hasher(&call, Some(key.as_bytes()))?;
    Ok(call.one(rom::object(call.ctx(), "crypto.hash", RefCell::new(hasher))))
}

fn update<'gc>(_: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let hasher = call.check_userdata::<RefCell<Box<dyn Hasher>>>(1, "crypto.hash")?;
    hasher.borrow_mut().update(call.check_string(2)?.as_bytes());
    Ok(call.none())
}

fn finalize<'gc>(_: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let hasher = call.check_userdata::<RefCell<Box<dyn Hasher>>>(1, "crypto.hash")?;
    let digest = hasher.borrow_mut().finish();
    Ok(call.one(call.string(&digest)))
}

fn sha1_of<'gc>(_: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let digest = sha1::Sha1::digest(call.check_string(1)?.as_bytes());
    Ok(call.one(call.string(&digest)))
}

fn mask<'gc>(_: &Chip, mut call: Call<'gc, '_>) -> Answer<'gc> {
    let data = call.check_string(1)?.as_bytes();
    let mask = call.check_string(2)?.as_bytes();
    if mask.is_empty() {
        return Err(call.error("invalid argument: mask"));
    }
    call.reserve(data.len())?;
    let masked = data.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
    Ok(call.one(call.string_from(masked)))
}

const BLOCK: usize = 16;

/// What a call of `encrypt` or `decrypt` asks for.
struct CipherJob<'gc> {
    chained: bool,
    cipher: Aes128,
    data: &'gc [u8],
    iv: [u8; BLOCK],
}

fn check_cipher<'gc>(call: &mut Call<'gc, '_>) -> Result<CipherJob<'gc>, lua::Error<'gc>> {
    let name = call.check_string(1)?.as_bytes();
    let chained = match name.to_ascii_uppercase().as_slice() {
        b"AES-ECB" => false,
        b"AES-CBC" => true,
        _ => return Err(call.error(format!("unknown cipher: {}", String::from_utf8_lossy(name)))),
    };
    let key = call.check_string(2)?.as_bytes();
    let data = call.check_string(3)?.as_bytes();
    let given_iv = call.opt_string(4)?.map_or(&b""[..], |iv| iv.as_bytes());
    call.reserve(data.len() + BLOCK)?;
    let mut iv = [0; BLOCK];
    if chained && !given_iv.is_empty() {
        iv = given_iv.try_into().map_err(|_| call.error("crypto op failed"))?;
    }
    let cipher = Aes128::new_from_slice(key).map_err(|_| call.error("crypto op failed"))?;
    Ok(CipherJob { chained, cipher, data, iv })
}

/// Data in whole blocks, the last filled with zeros.
fn blocks(data: &[u8]) -> impl Iterator<Item = [u8; BLOCK]> {
    data.chunks(BLOCK).map(|chunk| {
        let mut block = [0; BLOCK];
        block[..chunk.len()].copy_from_slice(chunk);
        block
    })
}

fn combine(a: [u8; BLOCK], b: [u8; BLOCK]) -> [u8; BLOCK] {
    std::array::from_fn(|i| a[i] ^ b[i])
}

fn encrypt<'gc>(_: &Chip, mut call: Call<'gc, '_>) -> Answer<'gc> {
    let CipherJob { chained, cipher, data, mut iv } = check_cipher(&mut call)?;
    let mut out = Vec::with_capacity(data.len() + BLOCK);
    for block in blocks(data) {
        let mut block = GenericArray::from(if chained { combine(block, iv) } else { block });
        cipher.encrypt_block(&mut block);
        iv = block.into();
        out.extend_from_slice(&block);
    }
    Ok(call.one(call.string_from(out)))
}

fn decrypt<'gc>(_: &Chip, mut call: Call<'gc, '_>) -> Answer<'gc> {
    let CipherJob { chained, cipher, data, mut iv } = check_cipher(&mut call)?;
    let mut out = Vec::with_capacity(data.len() + BLOCK);
    for ciphered in blocks(data) {
        let mut block = GenericArray::from(ciphered);
        cipher.decrypt_block(&mut block);
        out.extend_from_slice(&if chained { combine(block.into(), iv) } else { block.into() });
        iv = ciphered;
    }
    Ok(call.one(call.string_from(out)))
}
