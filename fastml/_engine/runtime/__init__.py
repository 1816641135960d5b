"""The only border with C and the machine: kernel table, threads, interrupts, configuration."""
