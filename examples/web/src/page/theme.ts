import { byId } from './elements.js';

const THEMES = ['auto', 'light', 'dark'] as const;
type Theme = (typeof THEMES)[number];
const KEY = 'theme';

/** Light or dark as the system has it, until the button says otherwise; the page remembers. */
export function startTheme(): void {
  const button = byId('theme', HTMLButtonElement);
  const system = matchMedia('(prefers-color-scheme: dark)');
  let theme = THEMES.find((name) => name === localStorage.getItem(KEY)) ?? 'auto';
  const show = () => {
    button.textContent = `Theme: ${theme}`;
    document.documentElement.dataset.theme = shown(theme, system.matches);
  };
  button.addEventListener('click', () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
    localStorage.setItem(KEY, theme);
    show();
  });
  system.addEventListener('change', show);
  show();
}

function shown(theme: Theme, systemIsDark: boolean): 'light' | 'dark' {
  if (theme !== 'auto') return theme;
  return systemIsDark ? 'dark' : 'light';
}
