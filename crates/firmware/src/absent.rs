//! Modules of the firmware that do not exist here, so that a program that needs one learns why.
//!
//! On a chip a module is missing because its build left it out, and a program meets a nil global. So it does here; a hint
//! with the line then says what the name would be.

/// Name and purpose of the modules that the firmware has and we do not.
pub(crate) const MODULES: &[(&str, &str)] = &[
    ("ads1115", "analog converter"),
    ("adxl345", "accelerometer"),
    ("am2320", "humidity sensor"),
    ("apa102", "LED strip"),
    ("bloom", "Bloom filters"),
    ("bme280", "pressure sensor"),
    ("bme280_math", "pressure sensor"),
    ("bme680", "gas sensor"),
    ("bmp085", "pressure sensor"),
    ("cjson", "JSON before sjson"),
    ("coap", "CoAP"),
    ("color_utils", "colour conversion"),
    ("cron", "calendar timers"),
    ("dcc", "model railway control"),
    ("dht", "humidity sensor"),
    ("enduser_setup", "set-up portal"),
    ("gdbstub", "debugger"),
    ("hdc1080", "humidity sensor"),
    ("hmc5883l", "compass"),
    ("hx711", "load cell"),
    ("i2c", "I2C bus"),
    ("l3g4200d", "gyroscope"),
    ("mcp4725", "analog output"),
    ("mdns", "multicast DNS"),
    ("ow", "1-Wire bus"),
    ("pcm", "sound"),
    ("perf", "profiler"),
    ("pixbuf", "LED buffers"),
    ("pwm", "pulse width modulation"),
    ("pwm2", "pulse width modulation"),
    ("rfswitch", "radio sockets"),
    ("rotary", "rotary encoder"),
    ("rtcfifo", "sample memory"),
    ("rtcmem", "memory that survives deep sleep"),
    ("si7021", "humidity sensor"),
    ("sigma_delta", "analog output"),
    ("softuart", "software serial port"),
    ("somfy", "blind control"),
    ("spi", "SPI bus"),
    ("switec", "stepper motor"),
    ("tcs34725", "colour sensor"),
    ("tls", "encrypted sockets"),
    ("tm1829", "LED strip"),
    ("tsl2561", "light sensor"),
    ("u8g2", "displays"),
    ("ucg", "colour displays"),
    ("websocket", "WebSocket client"),
    ("wiegand", "card readers"),
    ("wps", "Wi-Fi set-up by button"),
    ("ws2801", "LED strip"),
    ("ws2812", "LED strip"),
    ("ws2812_effects", "LED strip"),
    ("xpt2046", "touch panel"),
];

/// What to say about an error message that names a missing module as a nil global.
pub(crate) fn explain(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("global '").or_else(|| message.split_once("field '"))?;
    let (name, _) = rest.split_once('\'')?;
    if !message.contains("a nil value") {
        return None;
    }
    if name == "cert" {
        return Some(
            "net.cert has moved to the module tls; no build of release 3.0 has it under its old name".to_owned(),
        );
    }
    let (name, purpose) = MODULES.iter().find(|(module, _)| *module == name)?;
    Some(format!(
        "the module {name} ({purpose}) is not part of this playground; on a chip it needs a build that includes it"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_module_is_named() {
        let text = explain("init.lua:1: attempt to index global 'i2c' (a nil value)").unwrap();
        assert!(text.starts_with("the module i2c (I2C bus) is not part"), "{text}");
        assert_eq!(explain("init.lua:1: attempt to index global 'sensor' (a nil value)"), None);
    }
}
