//! `sjson`: sjson manual.

mod bench;

use bench::*;

#[test]
fn encodes() {
    check_values(&[
        ("sjson.encode({1, 2.5, 'x', true, {}})", r#"[1,2.5,"x",true,[]]"#),
        ("sjson.encode({a = {b = 'c'}})", r#"{"a":{"b":"c"}}"#),
        ("sjson.encode({[1] = 1, [3] = 3})", "[1,null,3]"),
        (r#"sjson.encode({'q"\n\t\1'})"#, r#"["q\"\n\t\u0001"]"#),
        ("sjson.encode({sjson.NULL, 1/0, -1/0, 0/0})", "[null,null,null,null]"),
        ("sjson.encode({'none'}, {null = 'none'})", "[null]"),
        ("sjson.encode({function() return function() return {5} end end, function() return 'f' end})", r#"[[5],"f"]"#),
        ("sjson.encode({[1] = 1, x = 2}):len()", "13"),
        ("sjson.encode({1e15, 0.1, -7})", "[1e+15,0.1,-7]"),
    ]);
}

/// The firmware writes numbers with 19 digits (`SJSON_FLOAT_FMT`).
#[test]
fn a_chip_shows_every_digit() {
    let program = "print(sjson.encode({1, 0.5, 0.1, -7, 1e15, 1e300, -2.5e-7, 1 / 0, 0, 1e18, 1e19}))";
    let numbers = "1,0.5,0.1000000000000000056,-7,1000000000000000,1.000000000000000053e+300,-2.499999999999999887e-07,null,0,\
                   1000000000000000000,1e+19";
    check_on(chip(), program, &format!("[{numbers}]\n"));
}

#[test]
fn encoding_errors() {
    check_errors(&[
        ("sjson.encode(5)", "bad argument #1 to 'encode' (table expected, got number)"),
        ("local t = {} t[1] = t sjson.encode(t)", "encoder stack overflow"),
        ("sjson.encode({coroutine.create(function() end)})", "Cannot encode type 8"),
        ("sjson.encode({function() error('inside') end})", "inside"),
    ]);
}

#[test]
fn encoder_reads_in_pieces() {
    check(
        "local e = sjson.encoder({a = 'some text', function() return 1 end}) local n = 0 local all = ''
         while true do local piece = e:read(4) if not piece then break end n = n + 1 all = all .. piece end
         print(n, sjson.decode(all).a)",
        "6\tsome text\n",
    );
}

#[test]
fn decodes() {
    check_values(&[
        ("sjson.decode('[1, 2.5e1, \"x\", true, false]')[2]", "25"),
        ("sjson.decode('{\"a\": {\"b\": [1, {\"c\": \"d\"}]}}').a.b[2].c", "d"),
        (
            "sjson.decode('[null]')[1] == sjson.NULL, sjson.decode('[null]', {})[1], sjson.decode('[null]', {null = 'n'})[1]",
            "true\tnil\tn",
        ),
        (r#"sjson.decode('["\\u00e9\\n\\"\\/"]')[1]"#, "\u{e9}\n\"/"),
        ("#sjson.decode('[]'), next(sjson.decode('{}'))", "0\tnil"),
        ("sjson.decode(' [ 1 ] ')[1]", "1"),
    ]);
}

#[test]
fn decoding_errors() {
    check_errors(&[
        ("sjson.decode('[1')", "Incomplete JSON object passed to sjson.decode"),
        ("sjson.decode('')", "Incomplete JSON object passed to sjson.decode"),
        ("sjson.decode('[1}')", "JSON parse error: BRACKET_MISMATCH"),
        ("sjson.decode('[1,]')", "JSON parse error: TRAILING_COMMA"),
        ("sjson.decode('{1:2}')", "JSON parse error: HKEY_EXPECTED"),
        ("sjson.decode('[x]')", "JSON parse error: SPECIAL_EXPECTED"),
        ("sjson.decode(('['):rep(30))", "JSON parse error: LEVELS_EXCEEDED"),
        ("sjson.decode('\"x\"')", "JSON parse error: STRING_OUTSIDE_CONTAINER"),
        ("sjson.decode()", "bad argument #1 to 'decode' (string expected, got no value)"),
    ]);
}

/// The example of the manual: the decoder gets its text in pieces.
#[test]
fn decoder_takes_pieces() {
    check(
        "local decoder = sjson.decoder()
         print(decoder:write('[10, 1')) print(pcall(decoder.result, decoder))
         decoder:write('1') print(type(decoder:write(', \"foo\"]')))
         for k, v in ipairs(decoder:result()) do print(k, v) end",
        "\nfalse\tdecode not complete\ntable\n1\t10\n2\t11\n3\tfoo\n",
    );
}

/// The example of the manual: `__newindex` sees every element.
#[test]
fn decoder_asks_the_metatable() {
    check(
        "local decoder = sjson.decoder({metatable = {__newindex = function(t, k, v)
           print('Setting ' .. k .. ' = ' .. type(v)) rawset(t, k, v) end}})
         print(decoder:write('[1, 2, {\"foo\":\"bar\"}]')[3].foo)",
        "Setting 1 = number\nSetting 2 = number\nSetting 3 = table\nSetting foo = string\nbar\n",
    );
}

/// The manual's list of calls for `checkpath`.
#[test]
fn decoder_checks_paths() {
    check(
        "local meta = {checkpath = function(t, path) print(#path, table.concat(path, '/')) return path[1] ~= 'no' end}
         local t = sjson.decode('{ \"foo\": [1, 2, []], \"no\": {\"x\": 1} }', {metatable = meta})
         print(t.no, #t.foo)",
        "0\t\n1\tfoo\n2\tfoo/3\n1\tno\nnil\t3\n",
    );
}
