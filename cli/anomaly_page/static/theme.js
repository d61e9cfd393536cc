// Before anything is drawn: the theme that was chosen here, else the one of the system.
try {
  const chosen = localStorage.getItem("millrace-theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // Storage may be closed to pages; the system's theme stays.
}
