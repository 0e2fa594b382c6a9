"""What the emulator holds, and the resources that it answers with."""
