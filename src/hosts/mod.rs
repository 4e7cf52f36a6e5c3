//! Provider `hosts`: an inventory of SSH machines.
