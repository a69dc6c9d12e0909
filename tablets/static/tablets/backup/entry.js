// The page names this file with the hash of its content; what it takes in is the same module that the app takes in.
import "./here.js";
