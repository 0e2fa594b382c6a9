"""The emulator's network: tunnel, certificates, Azurite and the variables of clients."""
