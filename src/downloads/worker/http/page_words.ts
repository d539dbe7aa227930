/** The sentences of the pages in one language. `#` stands for a value. */
export interface Words {
  /** For `lang` and for numbers. */
  readonly language: string;
  readonly download: string;
  /** The title; `#` is the file. */
  readonly title: string;
  readonly file: string;
  readonly folder: string;
  readonly size: string;
  /** `#` is the size of all files in a folder. */
  readonly ofFiles: string;
  readonly expires: string;
  /** `#` is minutes and seconds, `4:05`. */
  readonly inMinutes: string;
  readonly expired: string;
  readonly hasExpired: string;
  /** `#` is the sender. */
  readonly from: string;
  readonly contents: string;
  /** `#` is a number of names. */
  readonly more: string;
  readonly onlyOnce: string;
  /** Follows `onlyOnce` for a folder. */
  readonly fromStart: string;
  readonly started: string;
  readonly selectSum: string;
  readonly unavailable: string;
  readonly deadHeading: string;
  readonly deadText: string;
  readonly deadAdvice: string;
  readonly changedTitle: string;
  readonly changedHeading: string;
  readonly changedText: string;
  readonly changedAdvice: string;
  readonly laterTitle: string;
  readonly laterText: string;
  readonly busyTitle: string;
  readonly busyText: string;
}

/** The language of visitors whose own is not here. */
export const ENGLISH: Words = {
  language: "en",
  download: "Download",
  title: "Download #",
  file: "File",
  folder: "Folder, as a zip archive",
  size: "Size",
  ofFiles: "# of files",
  expires: "Expires",
  inMinutes: "in # minutes",
  expired: "expired",
  hasExpired: "This link has expired. Ask for a new one.",
  from: "From #",
  contents: "Contents",
  more: "and # more",
  onlyOnce:
    "This link works once. If the download is interrupted, come back here in this browser and press the button again.",
  fromStart: "It then starts from the beginning.",
  started: "The download has started. Once you have the file, this link no longer works.",
  selectSum: "Click to select",
  unavailable: "Link not available",
  deadHeading: "This link does not work anymore",
  deadText: "Download link not found, expired, or already used.",
  deadAdvice:
    "A link works once, and only for a limited time. Ask the person or the assistant who sent it for a new one.",
  changedTitle: "File has changed",
  changedHeading: "The file has changed",
  changedText:
    "The file has changed or is gone since the link was made, so it cannot be downloaded with the old checksum.",
  changedAdvice: "Ask the person or the assistant who sent the link for a new one.",
  laterTitle: "Not available right now",
  laterText: "The file cannot be read right now, try again in a few seconds.",
  busyTitle: "Too many requests",
  busyText: "Too many requests, try again in a minute.",
};

const GERMAN: Words = {
  language: "de",
  download: "Herunterladen",
  title: "# herunterladen",
  file: "Datei",
  folder: "Ordner, als ZIP-Archiv",
  size: "Größe",
  ofFiles: "# an Dateien",
  expires: "Läuft ab",
  inMinutes: "in # Minuten",
  expired: "abgelaufen",
  hasExpired: "Dieser Link ist abgelaufen. Bitten Sie um einen neuen.",
  from: "Von #",
  contents: "Inhalt",
  more: "und # weitere",
  onlyOnce:
    "Dieser Link funktioniert einmal. Wird der Download unterbrochen, kommen Sie in diesem Browser hierher zurück und drücken Sie erneut auf die Schaltfläche.",
  fromStart: "Er beginnt dann von vorn.",
  started:
    "Der Download hat begonnen. Sobald Sie die Datei haben, funktioniert dieser Link nicht mehr.",
  selectSum: "Zum Auswählen klicken",
  unavailable: "Link nicht verfügbar",
  deadHeading: "Dieser Link funktioniert nicht mehr",
  deadText: "Der Download-Link wurde nicht gefunden, ist abgelaufen oder wurde schon benutzt.",
  deadAdvice:
    "Ein Link funktioniert einmal und nur für begrenzte Zeit. Bitten Sie die Person oder den Assistenten, von der oder dem er stammt, um einen neuen.",
  changedTitle: "Datei geändert",
  changedHeading: "Die Datei hat sich geändert",
  changedText:
    "Die Datei wurde geändert oder entfernt, seit der Link erstellt wurde. Mit der alten Prüfsumme kann sie nicht heruntergeladen werden.",
  changedAdvice: "Bitten Sie die Person oder den Assistenten um einen neuen Link.",
  laterTitle: "Gerade nicht verfügbar",
  laterText:
    "Die Datei kann gerade nicht gelesen werden. Versuchen Sie es in einigen Sekunden erneut.",
  busyTitle: "Zu viele Anfragen",
  busyText: "Zu viele Anfragen. Versuchen Sie es in einer Minute erneut.",
};

const FRENCH: Words = {
  language: "fr",
  download: "Télécharger",
  title: "Télécharger #",
  file: "Fichier",
  folder: "Dossier, sous forme d’archive ZIP",
  size: "Taille",
  ofFiles: "# de fichiers",
  expires: "Expire",
  inMinutes: "dans # minutes",
  expired: "expiré",
  hasExpired: "Ce lien a expiré. Demandez-en un nouveau.",
  from: "De la part de #",
  contents: "Contenu",
  more: "et # autres",
  onlyOnce:
    "Ce lien fonctionne une seule fois. Si le téléchargement est interrompu, revenez ici dans ce navigateur et appuyez de nouveau sur le bouton.",
  fromStart: "Il reprend alors depuis le début.",
  started: "Le téléchargement a commencé. Une fois le fichier reçu, ce lien ne fonctionnera plus.",
  selectSum: "Cliquer pour sélectionner",
  unavailable: "Lien non disponible",
  deadHeading: "Ce lien ne fonctionne plus",
  deadText: "Le lien de téléchargement est introuvable, a expiré ou a déjà été utilisé.",
  deadAdvice:
    "Un lien fonctionne une seule fois et pour une durée limitée. Demandez-en un nouveau à la personne ou à l’assistant qui l’a envoyé.",
  changedTitle: "Fichier modifié",
  changedHeading: "Le fichier a été modifié",
  changedText:
    "Le fichier a été modifié ou supprimé depuis la création du lien ; il ne peut pas être téléchargé avec l’ancienne somme de contrôle.",
  changedAdvice: "Demandez un nouveau lien à la personne ou à l’assistant qui l’a envoyé.",
  laterTitle: "Indisponible pour le moment",
  laterText: "Le fichier ne peut pas être lu pour le moment. Réessayez dans quelques secondes.",
  busyTitle: "Trop de requêtes",
  busyText: "Trop de requêtes. Réessayez dans une minute.",
};

const SPANISH: Words = {
  language: "es",
  download: "Descargar",
  title: "Descargar #",
  file: "Archivo",
  folder: "Carpeta, como archivo ZIP",
  size: "Tamaño",
  ofFiles: "# en archivos",
  expires: "Caduca",
  inMinutes: "en # minutos",
  expired: "caducado",
  hasExpired: "Este enlace ha caducado. Pida uno nuevo.",
  from: "De #",
  contents: "Contenido",
  more: "y # más",
  onlyOnce:
    "Este enlace funciona una sola vez. Si la descarga se interrumpe, vuelva aquí en este navegador y pulse de nuevo el botón.",
  fromStart: "Entonces empieza desde el principio.",
  started: "La descarga ha comenzado. Cuando tenga el archivo, este enlace dejará de funcionar.",
  selectSum: "Haga clic para seleccionar",
  unavailable: "Enlace no disponible",
  deadHeading: "Este enlace ya no funciona",
  deadText: "El enlace de descarga no existe, ha caducado o ya se ha utilizado.",
  deadAdvice:
    "Un enlace funciona una sola vez y durante un tiempo limitado. Pida uno nuevo a la persona o al asistente que lo envió.",
  changedTitle: "El archivo ha cambiado",
  changedHeading: "El archivo ha cambiado",
  changedText:
    "El archivo ha cambiado o ya no existe desde que se creó el enlace; no se puede descargar con la suma de comprobación anterior.",
  changedAdvice: "Pida un enlace nuevo a la persona o al asistente que lo envió.",
  laterTitle: "No disponible en este momento",
  laterText: "El archivo no se puede leer en este momento. Inténtelo de nuevo en unos segundos.",
  busyTitle: "Demasiadas solicitudes",
  busyText: "Demasiadas solicitudes. Inténtelo de nuevo en un minuto.",
};

const JAPANESE: Words = {
  language: "ja",
  download: "ダウンロード",
  title: "#をダウンロード",
  file: "ファイル",
  folder: "フォルダー（ZIP形式）",
  size: "サイズ",
  ofFiles: "ファイル合計 #",
  expires: "有効期限",
  inMinutes: "あと # 分",
  expired: "期限切れ",
  hasExpired: "このリンクは期限切れです。新しいリンクを依頼してください。",
  from: "送信者：#",
  contents: "内容",
  more: "ほか # 件",
  onlyOnce:
    "このリンクは一度だけ使えます。ダウンロードが中断した場合は、このブラウザーでこのページに戻り、もう一度ボタンを押してください。",
  fromStart: "その場合は最初からやり直します。",
  started: "ダウンロードを開始しました。ファイルを受け取ると、このリンクは使えなくなります。",
  selectSum: "クリックして選択",
  unavailable: "リンクを利用できません",
  deadHeading: "このリンクはもう使えません",
  deadText: "ダウンロードリンクが見つからないか、期限切れか、すでに使用されています。",
  deadAdvice:
    "リンクは一度だけ、限られた時間だけ使えます。送信した人またはアシスタントに新しいリンクを依頼してください。",
  changedTitle: "ファイルが変更されました",
  changedHeading: "ファイルが変更されました",
  changedText:
    "リンクの作成後にファイルが変更または削除されたため、以前のチェックサムではダウンロードできません。",
  changedAdvice: "送信した人またはアシスタントに新しいリンクを依頼してください。",
  laterTitle: "現在利用できません",
  laterText: "現在ファイルを読み取れません。数秒後にもう一度お試しください。",
  busyTitle: "リクエストが多すぎます",
  busyText: "リクエストが多すぎます。1分後にもう一度お試しください。",
};

/** All languages of the pages. */
export const LANGUAGES: readonly Words[] = [ENGLISH, GERMAN, FRENCH, SPANISH, JAPANESE];

/** A header has a few languages; more are of no use. */
const MAX_LANGUAGES = 20;

/** Returns the words that a browser prefers. Source: RFC 9110 section 12.5.4. */
export function wordsFor(acceptLanguage: string | undefined): Words {
  const wanted = (acceptLanguage ?? "").split(",", MAX_LANGUAGES).map((part) => {
    // A pattern for the blanks around `;` would try each blank of a long row again.
    const [range = "", ...parameters] = part.toLowerCase().split(";").map((each) => each.trim());
    const weight = parameters.find((each) => each.startsWith("q="));
    return {
      language: range.split("-")[0],
      weight: weight === undefined ? 1 : Number(weight.slice(2)),
    };
  }).filter(({ weight }) => weight > 0);
  // The sort is stable: among equals, the first one counts.
  wanted.sort((one, other) => other.weight - one.weight);
  for (const { language } of wanted) {
    const words = LANGUAGES.find((each) => each.language === language);
    if (words !== undefined) return words;
  }
  return ENGLISH;
}
