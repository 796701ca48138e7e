import words from "words";

document.getElementById("rain").textContent = words;
