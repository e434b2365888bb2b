"""The past rebuilt from the recorded facts and compared with what is stored. It writes nothing."""
