// Runs before the first paint, so that a chosen theme never flashes the other one. See src/lib/theme.ts.
try {
  const theme = localStorage.getItem('hubbub.theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {
  // Storage is switched off: the system's theme it is.
}
