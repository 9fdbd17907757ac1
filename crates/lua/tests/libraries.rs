//! Which libraries and functions each dialect has, member by member: the chip's as in `docs/behaviour.md` §6.8, the complete
//! ones as in the reference, less what `COMPATIBILITY.md` names.

use std::{cell::RefCell, rc::Rc};

use lua::{Dialect, Engine, Options, Step};

/// The members of each library, sorted, one library a line: `math: abs ceil`.
fn libraries(dialect: Dialect, full_libraries: bool) -> Vec<String> {
    let printed = Rc::new(RefCell::new(Vec::new()));
    let sink = Rc::clone(&printed);
    let print: lua::Printer = Rc::new(move |bytes: &[u8]| sink.borrow_mut().extend_from_slice(bytes));
    let mut engine = Engine::new(Options { dialect, full_libraries, print: Some(print), ..Options::default() });
    let source = "local function names(library, wanted)
            local names = {}
            for name, value in pairs(library) do
                if not wanted or type(value) == wanted then names[#names + 1] = name end
            end
            table.sort(names)
            return table.concat(names, ' ')
        end
        print('base: ' .. names(ROM or _G, 'function'))
        for _, name in ipairs{'string', 'table', 'math', 'debug', 'coroutine', 'os', 'io', 'utf8', 'package'} do
            local library = _G[name]
            print(name .. ':' .. (library and ' ' .. names(library) or ''))
        end";
    let function = engine.load("=libraries", source.as_bytes()).expect("it compiles");
    let run = engine.start(&function, |_| Vec::new());
    assert!(matches!(engine.step(&run, &mut 1_000_000), Step::Finished));
    String::from_utf8_lossy(&printed.borrow()).lines().map(str::to_owned).collect()
}

#[test]
fn chip_of_5_1() {
    assert_eq!(
        libraries(Dialect::Lua51, false),
        [
            "base: assert collectgarbage dofile error gcinfo getfenv getmetatable ipairs load loadfile loadstring module newproxy next pairs pcall print rawequal rawget rawset require select setfenv setmetatable tonumber tostring type unpack xpcall",
            "string: byte char dump find format gfind gmatch gsub len lower match rep reverse sub upper",
            "table: concat foreach foreachi getn insert maxn remove setn sort",
            "math: abs ceil floor huge max min pi pow random randomseed sqrt",
            "debug: getregistry getstrings traceback",
            "coroutine: create resume running status wrap yield",
            "os:",
            "io:",
            "utf8:",
            "package: config cpath loaded loaders path preload seeall",
        ]
    );
}

#[test]
fn chip_of_5_3() {
    assert_eq!(
        libraries(Dialect::Lua53, false),
        [
            "base: assert collectgarbage dofile error getmetatable ipairs load loadfile loadstring next pairs pcall print rawequal rawget rawlen rawset require select setmetatable tonumber tostring type unpack xpcall",
            "string: byte char dump find format gmatch gsub len lower match pack packsize rep reverse sub unpack upper",
            "table: concat insert move pack remove sort unpack",
            "math: abs acos asin atan ceil cos deg exp floor fmod huge log max maxinteger min mininteger modf pi rad random randomseed sin sqrt tan tointeger type ult",
            "debug: gethook getinfo getlocal getmetatable getregistry getstrings getupvalue sethook setmetatable setupvalue traceback",
            "coroutine: create isyieldable resume running status wrap yield",
            "os:",
            "io:",
            "utf8: char charpattern codepoint codes len offset",
            "package: config cpath loaded loaders path preload searchers",
        ]
    );
}

#[test]
fn complete_5_1() {
    assert_eq!(
        libraries(Dialect::Lua51, true),
        [
            "base: assert collectgarbage dofile error gcinfo getfenv getmetatable ipairs load loadfile loadstring module newproxy next pairs pcall print rawequal rawget rawset require select setfenv setmetatable tonumber tostring type unpack xpcall",
            "string: byte char dump find format gfind gmatch gsub len lower match rep reverse sub upper",
            "table: concat foreach foreachi getn insert maxn remove setn sort",
            "math: abs acos asin atan atan2 ceil cos cosh deg exp floor fmod frexp huge ldexp log log10 max min mod modf pi pow rad random randomseed sin sinh sqrt tan tanh",
            "debug: getfenv gethook getinfo getlocal getmetatable getregistry getupvalue setfenv sethook setmetatable setupvalue traceback",
            "coroutine: create resume running status wrap yield",
            "os: clock difftime getenv time",
            "io: stdout write",
            "utf8:",
            "package: config cpath loaded loaders path preload seeall",
        ]
    );
}

#[test]
fn complete_5_3() {
    assert_eq!(
        libraries(Dialect::Lua53, true),
        [
            "base: assert collectgarbage dofile error getmetatable ipairs load loadfile next pairs pcall print rawequal rawget rawlen rawset require select setmetatable tonumber tostring type xpcall",
            "string: byte char dump find format gmatch gsub len lower match pack packsize rep reverse sub unpack upper",
            "table: concat insert move pack remove sort unpack",
            "math: abs acos asin atan atan2 ceil cos cosh deg exp floor fmod frexp huge ldexp log log10 max maxinteger min mininteger modf pi pow rad random randomseed sin sinh sqrt tan tanh tointeger type ult",
            "debug: gethook getinfo getlocal getmetatable getregistry getupvalue sethook setmetatable setupvalue traceback",
            "coroutine: create isyieldable resume running status wrap yield",
            "os: clock difftime getenv time",
            "io: stdout write",
            "utf8: char charpattern codepoint codes len offset",
            "package: config cpath loaded path preload searchers",
        ]
    );
}
