"""Attribution: every byte of the stack charged to a function, a module and a product, or named as a gap."""
