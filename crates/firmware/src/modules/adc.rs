//! `adc`: the analog input (adc manual). What it measures is set from outside; see [`crate::Input::Analog`].

use lua::native::{Answer, Call};
use lua::piccolo::Value;

use crate::chip::Chip;
use crate::module::{Module, constant, function};

const INIT_ADC: i64 = 0;
const INIT_VDD33: i64 = 255;

/// What a measurement gives in the other mode.
const NOT_MEASURED: i64 = 65_535;

/// Supply of the board in millivolts.
const SUPPLY_MV: i64 = 3_300;

/// The module.
pub(crate) const MODULE: Module = Module {
    name: "adc",
    doc: "The analog input.",
    members: &[
        constant("INIT_ADC", INIT_ADC, "Measure the pin."),
        constant("INIT_VDD33", INIT_VDD33, "Measure the supply."),
        function("read", "(channel): value", read, "Measures the pin: 0 to 1024.")
            .parameters(&[("channel", "0")])
            .quiet(),
        function("readvdd33", "(): mV", read_supply, "Measures the supply in millivolts.").quiet(),
        function(
            "force_init_mode",
            "(mode): changed",
            force_init_mode,
            "Chooses what is measured after the next start.",
        )
        .parameters(&[("mode", "adc.INIT_ADC or adc.INIT_VDD33")]),
    ],
    types: &[],
};

fn read<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let channel = call.check_integer(1)?;
    if channel != 0 {
        return Err(call.error(format!("adc {channel} does not exist")));
    }
    let value = if chip.measures_supply { NOT_MEASURED } else { i64::from(chip.analog.get()) };
    Ok(call.one(call.integer(value)))
}

fn read_supply<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let value = if chip.measures_supply { SUPPLY_MV } else { NOT_MEASURED };
    Ok(call.one(call.integer(value)))
}

fn force_init_mode<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let supply = match call.check_integer(1)? {
        INIT_ADC => false,
        INIT_VDD33 => true,
        _ => return Err(call.argument_error(1, "value must be adc.INIT_ADC or adc.INIT_VDD33")),
    };
    let before = std::mem::replace(&mut chip.flash.borrow_mut().startup.measures_supply, supply);
    Ok(call.one(Value::Boolean(before != supply)))
}
